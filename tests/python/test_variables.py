# SPDX-License-Identifier: Apache-2.0
"""Variables: what a run leaves for the next one is there, is what TensorFlow Lite Micro has, and goes on a reset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.support import material
from tests.support.oracle import needs_tflm
from tests.support.sequences import INPUT, ring, streaming_model
from tools.tflite_builder import Builder

import groat
from groat.errors import GroatError, InputError, ModelError, UnsupportedError
from groat.oracle.tflm import Tflm
from groat.planner.order import best_order
from groat.runners.host import HostRunner
from groat.train.options import Train
from groat.validation import validate

Array = npt.NDArray[Any]
JARVIS = "models/microwakeword/v2__hey_jarvis.tflite"


def steps_of(shape: Sequence[int], count: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).integers(-128, 128, (count, *shape)).astype(np.int8)


def outputs(run: Callable[[list[Array]], list[Array]], x: Array) -> list[bytes]:
    return [run([row])[0].tobytes() for row in x]


@needs_tflm
@pytest.mark.parametrize("seed", range(6))
def test_a_sequence_is_tflms_and_so_is_the_next_one(seed: int) -> None:
    source = streaming_model(np.random.default_rng(seed), 1 + seed % 3)
    x = steps_of((1, 2, 6), 9, seed)
    expected = outputs(Tflm(source).run, x)
    assert len(set(expected)) > 1
    with HostRunner(groat.compile(source).packed) as runner:
        assert outputs(runner.run, x) == expected
        assert outputs(runner.run, x) != expected  # it goes on
        runner.reset()
        assert outputs(runner.run, x) == expected
        together = runner.run_batch([x], reset=True)[0]
        runner.reset()
        assert together[0].tobytes() == expected[0]
        assert together[1].tobytes() == outputs(runner.run, x[1:2])[0]


@needs_tflm
@pytest.mark.parametrize("schedule", ["layer", "stream", "patch"])
@pytest.mark.parametrize("seed", range(3))
def test_every_schedule_keeps_variables(schedule: str, seed: int) -> None:
    source = streaming_model(np.random.default_rng(20 + seed), 3)
    for found in validate(groat.load(source), ["host"], inputs=6, schedule=schedule):
        assert found.equal, found.difference


def test_variables_lie_at_the_start_and_apart() -> None:
    compiled = groat.compile(streaming_model(np.random.default_rng(3), 2))
    kept = [compiled.plan.buffers[compiled.plan.buffer_of[number]] for number in compiled.graph.variables]
    assert len(kept) == 2
    end = max(b.offset + b.nbytes for b in kept)
    assert kept[0].offset == 0
    others = [b for b in compiled.plan.buffers if b not in kept]
    assert min(b.offset for b in others) >= end
    assert not any(op.kind == "reshape" for op in compiled.graph.ops)  # what is kept is computed where it is kept


def test_an_order_never_writes_before_it_reads() -> None:
    graph = groat.compile(streaming_model(np.random.default_rng(5), 3)).graph
    order = best_order(graph, [0] * len(graph.ops))
    for state in graph.states:
        readers = [order.index(i) for i, op in enumerate(graph.ops) if state in map(graph.root, op.inputs)]
        writers = [order.index(i) for i, op in enumerate(graph.ops) if state in op.outputs]
        assert max(readers) < min(writers)


def test_what_was_read_stays_when_it_is_written_again() -> None:
    b = Builder()
    x = b.input((1, 2, 3), "int8", INPUT)
    handle = b.variable("last", np.full((1, 2, 3), 9, np.int8), INPUT)
    before = b.read(handle, (1, 2, 3), "int8", INPUT)
    b.assign(handle, x)
    after = b.read(handle, (1, 2, 3), "int8", INPUT)
    with HostRunner(groat.compile(b.build([before, after])).packed) as runner:
        rows = steps_of((1, 2, 3), 3)
        for row, was in zip(rows, [np.full((1, 2, 3), 9, np.int8), *rows], strict=False):
            old, new = runner.run([row])
            np.testing.assert_array_equal(old, was)
            np.testing.assert_array_equal(new, row)


def test_a_variable_that_nothing_changes_is_a_constant() -> None:
    b = Builder()
    x = b.input((1, 2, 3), "int8", INPUT)
    value = np.arange(6, dtype=np.int8).reshape(1, 2, 3)
    y = b.concatenation([x, b.read(b.variable("fixed", value, INPUT), (1, 2, 3), "int8", INPUT)], axis=1)
    compiled = groat.compile(b.build([y]))
    assert not compiled.graph.states
    row = steps_of((1, 2, 3), 1)[0]
    np.testing.assert_array_equal(compiled.run(row), np.concatenate([row, value], axis=1))


def test_evaluation_takes_each_sample_by_itself() -> None:
    compiled = groat.compile(streaming_model(np.random.default_rng(8)))
    x = steps_of((1, 2, 6), 5)
    from groat.evaluation import outputs_of

    (found,) = outputs_of(compiled.packed, "host", [x])
    for row, y in zip(x, found, strict=True):
        with HostRunner(compiled.packed) as runner:
            np.testing.assert_array_equal(runner.run([row])[0], y)


@needs_tflm
def test_the_published_model_is_tflms_over_a_sequence() -> None:
    """Its outputs are mostly 0: the layers say more."""
    source = material.required(JARVIS).read_bytes()
    compiled, oracle = groat.compile(source), Tflm(source)
    assert len(compiled.graph.variables) == 6
    kinds = ("conv_2d", "depthwise_conv_2d", "fully_connected")
    layers = [op.outputs[0] for op in compiled.graph.ops if op.kind in kinds]
    seen: set[bytes] = set()
    with HostRunner(compiled.packed) as runner:
        for repeat in range(2):
            for row in steps_of((1, 3, 40), 30):
                expected = oracle.tensors([row], layers)
                for step, found in runner.trace([row]):
                    number = compiled.graph.ops[step].outputs[0]
                    if number in expected:
                        assert found[0].tobytes() == expected[number].tobytes(), (repeat, step)
                        seen.add(found[0].tobytes())
            runner.reset()
            oracle.reset()
    assert len(seen) > 200


# ---- What is refused ---------------------------------------------------------------------------------------


def broken(what: str) -> bytes:
    b = Builder()
    x = b.input((1, 2, 3), "int8", INPUT)
    if what == "read before assigned":
        y = b.read(b.variable("s"), (1, 2, 3), "int8", INPUT)
        return b.build([b.concatenation([x, y], axis=1)])
    if what == "two writers":
        handle = b.variable("s", np.zeros((1, 2, 3), np.int8), INPUT)
        y = b.concatenation([x, b.read(handle, (1, 2, 3), "int8", INPUT)], axis=1)
        b.assign(handle, x)
        b.assign(handle, x)
        return b.build([y])
    if what == "another shape":
        ring(b, x, 2, "s", np.zeros((1, 3, 3), np.int8))
        return b.build([b.relu(x)])
    if what == "no handle":
        return b.build([b.read(x, (1, 2, 3), "int8", INPUT)])
    assert what == "computed at once"
    handle = b.variable("s", np.zeros((1, 2, 3), np.int8), INPUT)
    assert b._once is not None
    b._once.relu(b._once.constant(np.zeros((1, 2, 3), np.int8), INPUT))
    return b.build([b.concatenation([x, b.read(handle, (1, 2, 3), "int8", INPUT)], axis=1)])


@pytest.mark.parametrize(
    ("what", "error", "text"),
    [
        ("read before assigned", ModelError, "'s' is read by op 1 before anything was assigned .* by CALL_ONCE"),
        ("two writers", ModelError, "'s' is assigned twice in one run, .* expected one writer"),
        ("another shape", UnsupportedError, r"'s' starts as int8\[1, 3, 3\]; here it is int8\[1, 2, 3\]"),
        ("no handle", ModelError, "names no variable that VAR_HANDLE made before it"),
        ("computed at once", UnsupportedError, "it runs RELU; expected ASSIGN_VARIABLE of constants"),
    ],
)
def test_variables_that_contradict_themselves_are_refused(what: str, error: type[GroatError], text: str) -> None:
    with pytest.raises(error, match=text):
        groat.load(broken(what))


def test_damaged_files_are_refused_or_still_a_model() -> None:
    source = bytearray(streaming_model(np.random.default_rng(2)))
    rng = np.random.default_rng(4)
    for _ in range(300):
        damaged = bytearray(source)
        for at in rng.integers(8, len(source), 3):
            damaged[at] = int(rng.integers(0, 256))
        try:
            groat.load(bytes(damaged))
        except (ModelError, UnsupportedError):
            continue


def test_what_keeps_variables_neither_trains_nor_goes_to_several_memories() -> None:
    source = streaming_model(np.random.default_rng(2))
    with pytest.raises(InputError, match="keeps variables from run to run; there is no gradient through runs"):
        groat.compile(source, train=Train())
    with pytest.raises(InputError, match="keeps states from run to run; that goes with one memory only"):
        groat.compile(source, target="cortex-m7", memories="sram:16K,psram")


def test_a_graph_says_what_its_states_are() -> None:
    graph = groat.compile(streaming_model(np.random.default_rng(2))).graph
    first = next(iter(graph.states))
    wrong = replace(graph, states={first: replace(graph.states[first], initial=np.zeros(3, np.int8))})
    from groat.graph import verify

    with pytest.raises(GroatError, match=r"starts as int8\[3\], declared"):
        verify(wrong)
