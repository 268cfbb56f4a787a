# SPDX-License-Identifier: Apache-2.0
"""Random networks in a random share of the RAM that they could have, with rows in or without, for the kernels of any
target: the bytes of TensorFlow Lite Micro, and a replay that knows who wrote each byte finds nothing overwritten.

The smallest budget that an error names works, and a byte less does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.oracle import needs_tflm
from tests.support.random_cnns import random_cnn
from tests.support.random_graphs import random_inputs
from tests.support.streams import Replay

from groat.compiler import Compiled, compile_model
from groat.errors import FitError, InputError
from groat.options import INPUTS
from groat.oracle.tflm import Tflm
from groat.targets import list_targets, load_target

pytestmark = needs_tflm
TARGET_OF = {load_target(name).packing: name for name in list_targets()}  # one for each set of kernels


@dataclass(frozen=True)
class Case:
    """A network of `random_cnn`, and how it is planned.

    Attributes:
        share: of the RAM between the least that any schedule takes (0) and layer by layer (1).
        max_mac_overhead: what a schedule may compute twice.
    """

    seed: int
    share: float
    input: str
    target: str
    max_mac_overhead: float


CASES = st.builds(
    Case,
    seed=st.integers(0, 2**31 - 1),
    share=st.floats(0, 1),
    input=st.sampled_from(INPUTS),
    target=st.sampled_from(sorted(TARGET_OF.values())),
    max_mac_overhead=st.sampled_from((1.0, 1.0, 1.15, 1.5)),
)


def check(case: Case) -> None:
    model = random_cnn(case.seed)

    def plan(ram: int) -> Compiled:
        return compile_model(
            model, case.target, schedule="auto", input=case.input, ram=ram, max_mac_overhead=case.max_mac_overhead
        )

    whole = compile_model(model, case.target, schedule="layer").plan.arena_bytes
    try:
        with pytest.raises(FitError) as impossible:
            plan(0)
    except InputError:  # an op reads an input all at once
        return
    least = impossible.value.facts["smallest_bytes"]
    with pytest.raises(FitError, match=f"the smallest budget that works is {least:,}"):
        plan(least - 1)
    ram = least + int(max(whole - least, 0) * case.share)
    compiled = plan(ram)
    assert compiled.plan.arena_bytes <= ram
    Replay(compiled.graph, compiled.packed, compiled.tensor_ids).run(compiled.plan)
    oracle = Tflm(model)
    with compiled.on("host") as session:
        for frame in (random_inputs(model, case.seed + k) for k in range(2)):
            for found, right in zip(session.runner.run(frame), oracle.run(frame), strict=True):
                np.testing.assert_array_equal(found, right)


@given(CASES)
@settings(deadline=None, derandomize=True, database=None, max_examples=20)
def test_random_networks_at_random_bounds(case: Case) -> None:
    check(case)


@pytest.mark.slow
@given(CASES)
@settings(deadline=None, max_examples=3000, suppress_health_check=list(HealthCheck))
def test_many_random_networks_at_random_bounds(case: Case) -> None:
    check(case)
