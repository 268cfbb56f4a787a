# SPDX-License-Identifier: Apache-2.0
"""Work that is split into parts: the same bytes for any number of them, on every kernel set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.gradient_cases import layer_of
from tests.support.gradients import forward, found_gradients

import groat
from groat import targets
from groat.errors import InputError
from groat.isa import PACKINGS
from groat.ops import op_rows
from groat.pack import reader

KINDS = ("conv_2d", "depthwise_conv_2d", "fully_connected")


def use_workers(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """Whatever is packed from now on is for so many."""
    real = targets.load_target
    monkeypatch.setattr(targets, "load_target", lambda name: replace(real(name), workers=workers))


# Helium sums float16 in float16 over as many terms as the shape of a part makes convenient: that depends on the number
# of parts, though not on who computes them.
SETS = [(isa, dtype) for isa in PACKINGS for dtype in ("float32", "float16") if (isa, dtype) != ("mve", "float16")]


@pytest.mark.parametrize(("isa", "dtype"), SETS)
@pytest.mark.parametrize("kind", KINDS)
def test_parts_change_no_byte(monkeypatch: pytest.MonkeyPatch, kind: str, isa: str, dtype: str) -> None:
    rng = np.random.default_rng([KINDS.index(kind), PACKINGS.index(isa), len(dtype)])
    for _ in range(12):
        layer = layer_of(rng, kind)
        x, w, dy = (rng.normal(size=s).astype(dtype) for s in (layer.x_shape, layer.weights_shape, layer.out_shape))
        found = []
        for workers in (1, 2, 3, 8, 40):
            with monkeypatch.context() as patch:
                use_workers(patch, workers)
                y = forward(layer, x, w, None, isa=isa)
                found.append({"y": y, **found_gradients(layer, x, w, dy, isa=isa)})
        for other in found[1:]:
            for name, value in found[0].items():
                np.testing.assert_array_equal(other[name], value, err_msg=f"{name} of {layer}")


def test_a_model_says_how_many_workers_it_is_for() -> None:
    from tests.support.float_nets import digits_net

    one = groat.compile(digits_net(), target="rv32v")
    eight = groat.compile(digits_net(), target="rv32v-smp8")
    assert (reader.read(one.packed).workers, reader.read(eight.packed).workers) == (1, 8)
    assert eight.report["arena_bytes"] >= one.report["arena_bytes"]
    x = np.random.default_rng(0).random((1, 8, 8, 1), dtype=np.float32)
    with one.on("host") as alone, eight.on("host") as together:
        np.testing.assert_array_equal(alone.runner.run([x])[0], together.runner.run([x])[0])


def test_some_ops_can_be_split() -> None:
    found = {row.name for row in op_rows() if row.parallel}
    assert {"conv_2d_float32", "conv_2d_weight_grad_float16", "conv_2d_input_grad_float32"} <= found


@pytest.mark.parametrize("name", ["rv32v-smp9", "rv32v-smp1", "rv32v-smp", "rv32v-smpx", "cortex-m4-smp2", "what-smp2"])
def test_targets_have_the_cores_that_they_have(name: str) -> None:
    with pytest.raises(InputError, match="unknown target"):
        targets.load_target(name)
