# SPDX-License-Identifier: Apache-2.0
"""Graphs that nobody thought of: what the host computes has the bytes of TensorFlow Lite Micro."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import hypothesis
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.compare import compare_with_tflm
from tests.support.graphs import kinds
from tests.support.oracle import needs_tflm
from tests.support.random_graphs import RandomModel, random_models

import groat
from groat.runners.host import HostRunner
from groat.targets import list_targets, load_target

pytestmark = needs_tflm

# Without a clock and without chance: what passes here passes everywhere.  The slow test is the one that explores.
REPEATABLE = settings(deadline=None, derandomize=True, database=None)


PACKINGS = {load_target(name).packing: name for name in list_targets()}  # and one target for each


def check(model: RandomModel, input_seed: int, target: str = "host") -> None:
    compiled = groat.compile(model.build(), target)
    with HostRunner(compiled.packed) as runner:
        compare_with_tflm(model, input_seed, compiled, runner)


@given(random_models(), st.integers(0, 1000))
@settings(REPEATABLE, max_examples=500)
def test_the_host_equals_tflm(model: RandomModel, input_seed: int) -> None:
    check(model, input_seed)


@pytest.mark.parametrize("packing", sorted(set(PACKINGS) - {"ref"}))
@given(random_models(), st.integers(0, 1000))
@settings(REPEATABLE, max_examples=150)
def test_kernel_sets_of_devices_on_the_host_equal_tflm(packing: str, model: RandomModel, input_seed: int) -> None:
    """The files that devices run, with their instructions emulated."""
    check(model, input_seed, PACKINGS[packing])


@pytest.mark.slow
@given(random_models(), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20_000, suppress_health_check=list(hypothesis.HealthCheck))
def test_the_host_equals_tflm_at_length(model: RandomModel, input_seed: int) -> None:
    check(model, input_seed)


def has(kind: str, model: RandomModel) -> bool:
    return kind in kinds(groat.compile(model.build()).graph)


def test_a_failure_shrinks_to_few_ops() -> None:
    """A model that fails because of one op is cut off behind it."""
    found = hypothesis.find(random_models(), lambda model: has("softmax", model), settings=REPEATABLE)
    assert has("softmax", found)
    assert found.ops <= 2
    assert found.ops == 1 or not has("softmax", replace(found, ops=found.ops - 1))


def test_a_failure_names_the_first_layer() -> None:
    """Damaged weights of a convolution that comes first; now and then they change no output."""
    candidates = map(RandomModel, itertools.count())
    first_is_conv = (m for m in candidates if kinds(groat.compile(m.build()).graph)[0] == "conv_2d")
    models = list(itertools.islice(first_is_conv, 20))
    messages = []
    for model in models:
        compiled = groat.compile(model.build())
        number = compiled.graph.ops[0].inputs[1]
        weights = compiled.graph.tensors[number]
        assert weights.data is not None
        damaged = replace(weights, data=weights.data ^ np.int8(0x40))
        graph = replace(compiled.graph, tensors={**compiled.graph.tensors, number: damaged})
        with HostRunner(groat.compile(graph).packed) as runner:
            try:
                compare_with_tflm(model, 0, compiled, runner)
            except AssertionError as error:
                messages.append((repr(model), str(error)))
    assert len(messages) > len(models) // 2
    first = r"layer 0 conv_2d \(op \d+ of the model\), tensor 't\d+', element \[.*\]: expected -?\d+, found -?\d+$"
    for model_text, message in messages:
        assert model_text in message
        assert re.search(first, message), message
