# SPDX-License-Identifier: Apache-2.0
"""Streams: the same bytes as layer by layer and as TFLM, in the memory that was planned and no other."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any, get_args

import numpy as np
import pytest
from tests.support.mobilenets import mobilenet
from tests.support.random_cnns import Kind, random_cnn
from tests.support.random_graphs import random_inputs
from tests.support.streams import Replay, random_schedule
from tools.tflite_builder import Builder, Quant

import groat
from groat import _core
from groat.compiler import compile_model
from groat.errors import InputError
from groat.graph import Graph
from groat.isa import PACKINGS
from groat.oracle.tflm import Tflm, is_installed
from groat.pack import pack_steps, read, write
from groat.passes import run_passes
from groat.planner import plan_memory
from groat.planner.streams import Line, Schedule, Streams, Stretch
from groat.runners.host import HostRunner
from groat.targets import list_targets, load_target

KINDS: tuple[Kind, ...] = get_args(Kind)
TARGET_OF = {load_target(name).packing: name for name in list_targets()}


def network(seed: int) -> bytes:
    """One of each kind of network in turn; every other one gives an image."""
    return random_cnn(seed, seed % 2 == 1, KINDS[seed // 2 % len(KINDS)])


def compare(seed: int) -> int:
    """Runs a network by layers and in random streams; returns how many streams that were."""
    model = network(seed)
    graph = run_passes(groat.load(model).graph)
    inputs = [random_inputs(model, seed + k) for k in range(2)]
    expected = Tflm(model) if is_installed() else None
    with HostRunner(compile_model(model).packed) as layers:
        wanted = [layers.run(x) for x in inputs]
    if expected is not None:
        for ours, x in zip(wanted, inputs, strict=True):
            for a, b in zip(ours, expected.run(x), strict=True):
                np.testing.assert_array_equal(a, b)
    count = 0
    for rows_in, rows_out in ((False, False), (True, False), (False, True), (True, True)):
        found = random_schedule(graph, seed, rows_in, rows_out)
        if found is None:
            continue
        plan, packed, ids = found
        count += len(plan.schedule.streams)
        Replay(graph, packed, ids).run(plan)
        with HostRunner(packed) as runner:
            for ours, x in zip(wanted, inputs, strict=True):
                for a, b in zip(ours, runner.run(x), strict=True):
                    np.testing.assert_array_equal(a, b, f"network({seed}), {rows_in=}, {rows_out=}")
    return count


def test_random_networks_in_random_streams() -> None:
    assert sum(compare(seed) for seed in range(60)) > 100


@pytest.mark.slow
def test_many_random_networks_in_random_streams() -> None:
    assert sum(compare(seed) for seed in range(10_000, 14_000)) > 6000


@pytest.mark.parametrize("isa", PACKINGS)
def test_every_kernel_set_streams(isa: str) -> None:
    for seed in range(20_000, 20_012):
        model = network(seed)
        inputs = random_inputs(model, seed)
        with compile_model(model, TARGET_OF[isa]).on("host") as layers:
            wanted = layers.runner.run(inputs)
        for way, rows in product(("stream", "patch"), ("resident", "rows")):
            try:
                compiled = compile_model(model, TARGET_OF[isa], schedule=way, input=rows)
            except InputError:
                continue
            with compiled.on("host") as streamed:
                for a, b in zip(wanted, streamed.runner.run(inputs), strict=True):
                    np.testing.assert_array_equal(a, b, f"network({seed}) for {isa}, {way}, {rows}")


def test_rows_that_are_made_again() -> None:
    """Some of the schedules above have tensors of which each window's rows are made anew."""
    seen = 0
    for seed in range(50):
        graph = run_passes(groat.load(random_cnn(seed)).graph)
        for rows_in in (False, True):
            found = random_schedule(graph, seed, rows_in)
            streams = found[0].schedule.streams if found is not None else ()
            seen += sum(lines[0].taps > 0 for stream in streams for lines in stream.lines.values())
    assert seen > 10


@pytest.mark.parametrize("seed", [11_449, 11_479])
def test_rows_of_which_one_tap_reads_all_are_not_made_again(seed: int) -> None:
    """Windows over images of one row, of which all other taps read padding."""
    assert compare(seed) > 0


def test_more_work_for_less_memory() -> None:
    model = mobilenet("mobilenetv2_0.35_144")
    without, with_it = (
        compile_model(model, "cortex-m4", schedule="patch", input="rows", max_mac_overhead=most) for most in (1.0, 1.1)
    )
    assert without.report["mac_overhead"] == 1.0
    assert 1.0 < with_it.report["mac_overhead"] <= 1.1
    assert with_it.report["activation_bytes"] < without.report["activation_bytes"]
    x = random_inputs(model, 1)
    np.testing.assert_array_equal(with_it.run(*x), without.run(*x))


# ---- Wrong plans -------------------------------------------------------------------------------------------


def planted(seed: int, change: Any, cuts: int = 1) -> tuple[int, int]:
    """Networks whose lines are changed by `change`: (how many were seen by the replay, by groat_open)."""
    graph = run_passes(groat.load(random_cnn(seed)).graph)
    streams = Streams(graph, False)
    last = max((end for end in range(2, len(graph.ops) + 1) if streams.segment(0, end)), default=0)
    if last == 0:
        return 0, 0
    stretches = [Stretch(0, last, cuts), *(Stretch(i, i + 1) for i in range(last, len(graph.ops)))]
    schedule = streams.schedule(stretches)
    stream = schedule.streams[0]
    replayed = refused = 0
    for number, (line, *others) in stream.lines.items():
        wrong: Line | None = change(line)
        if wrong is None or line.kept:
            continue
        less = (line.slots - wrong.slots) * line.pitch + line.lead - wrong.lead
        bad = replace(
            stream,
            lines={**stream.lines, number: (wrong, *others)},
            nbytes={**stream.nbytes, number: stream.nbytes[number] - (0 if others else less)},
        )
        opened, caught = tried(graph, Schedule((bad,)))
        assert not opened or not caught, f"random_cnn({seed}), tensor {number}: opened, and wrong"
        replayed += caught
        refused += not opened
    return replayed, refused


def tried(graph: Graph, schedule: Schedule) -> tuple[bool, bool]:
    """(whether groat_open accepts a schedule, whether the replay finds it wrong)"""
    steps = pack_steps(graph, "ref", schedule)
    plan = plan_memory(graph, [step.scratch_bytes for step in steps.steps], schedule)
    packed, ids = write(graph, steps, plan, bytes(32))
    opened = _core.Model.open_status(packed, plan.arena_bytes) == 0
    try:
        Replay(graph, packed, ids).run(plan)
    except AssertionError:
        return opened, True
    return opened, False


@pytest.mark.parametrize("cuts", [1, 3])
def test_a_ring_of_one_unit_less_is_caught_by_both(cuts: int) -> None:
    def shorter(line: Line) -> Line | None:
        return replace(line, slots=line.slots - 1) if line.slots > 1 else None

    seen = [planted(seed, shorter, cuts) for seed in range(30)]
    replayed, refused = (sum(pair[i] for pair in seen) for i in range(2))
    assert replayed > 20
    assert refused >= replayed


def test_a_ring_without_its_padding_is_refused() -> None:
    """Its rows would have to be gathered, for which no scratch was planned."""

    def bare(line: Line) -> Line | None:
        return replace(line, lead=0) if line.lead else None

    assert sum(planted(seed, bare)[1] for seed in range(30)) > 5


def test_an_output_too_far_over_an_input_is_caught_by_both() -> None:
    found = 0
    for seed in range(200):
        graph = run_passes(groat.load(random_cnn(seed)).graph)
        streams = Streams(graph, False)
        for first, cuts in product(range(len(graph.ops)), (1, 2)):
            segment = streams.segment(first, first + 1, cuts)
            if segment is None or not segment.over:
                continue
            others = [Stretch(i, i + 1) for i in range(len(graph.ops)) if i != first]
            schedule = streams.schedule(sorted([*others, Stretch(first, first + 1, cuts)], key=lambda s: s.first))
            assert tried(graph, schedule) == (True, False)
            stream = schedule.streams[0]
            over = {number: (under, below - 16) for number, (under, below) in stream.over.items()}
            opened, caught = tried(graph, Schedule((replace(stream, over=over),)))
            # A distance that was rounded up by less than that is none too short.
            assert not opened or not caught, f"random_cnn({seed}), op {first}: opened, and wrong"
            found += caught
    assert found > 20


# ---- Asking for it -----------------------------------------------------------------------------------------


def test_a_schedule_needs_less_memory() -> None:
    better = 0
    for seed in range(30):
        model = random_cnn(seed)
        layers, streamed = (compile_model(model, schedule=way).plan.arena_bytes for way in ("layer", "stream"))
        better += streamed < layers
    assert better > 10


@pytest.mark.parametrize("seed", range(8))
def test_auto_streams_only_as_far_as_the_ram_asks(seed: int) -> None:
    model = random_cnn(seed)
    layers = compile_model(model, schedule="layer")
    smallest = compile_model(model, schedule="stream").plan.arena_bytes
    assert compile_model(model, schedule="auto").packed == layers.packed
    assert compile_model(model, schedule="auto", ram=layers.plan.arena_bytes).packed == layers.packed
    tight = compile_model(model, schedule="auto", ram=smallest)
    assert tight.plan.arena_bytes <= smallest


def test_an_input_by_rows_is_never_resident() -> None:
    """Neither with as few streams as can be; where it cannot be done, the error names the op."""
    m = Builder()
    x = m.input((1, 6, 5, 2), quant=Quant(0.05))
    wide = m.conv_2d(x, np.ones((3, 3, 3, 2), np.int8), None, Quant(0.01), Quant(0.1))
    for way in ("layer", "stream", "auto"):
        compiled = compile_model(m.build([wide]), schedule=way, input="rows", ram=1 << 20)
        assert [info.by_rows for info in read(compiled.packed).inputs] == [True], way
    m = Builder()
    x = m.input((1, 6), quant=Quant(0.05))
    dense = m.fully_connected(x, np.ones((3, 6), np.int8), None, Quant(0.01), Quant(0.1))
    for way in ("layer", "stream", "auto"):
        with pytest.raises(InputError, match=r"cannot go row by row: op 0 fully_connected reads all of it at once"):
            compile_model(m.build([dense]), schedule=way, input="rows")


@pytest.mark.parametrize("cuts", [1, 4])
def test_the_lower_bound_of_a_stream_is_one(cuts: int) -> None:
    """The choice skips what costs more by this bound alone."""
    close = 0
    for seed in range(40):
        graph = run_passes(groat.load(random_cnn(seed)).graph)
        streams = Streams(graph, rows_in=seed % 2 == 1)
        for end in range(1, len(graph.ops) + 1):
            for first in range(end):
                least, cost = streams.least_cost(first, end), streams.cost(first, end, cuts)
                assert (least is None) == (cost is None)
                assert cost is None or least is None or least <= cost
                close += cost is not None and least is not None and least > cost * 0.7
    assert close > 100


@pytest.mark.parametrize("isa", PACKINGS)
def test_an_output_goes_row_by_row(isa: str) -> None:
    """For every kernel set; the rows are the output's, and it has no memory."""
    for seed in range(30_000, 30_005):
        model = random_cnn(seed, image=True)
        inputs = random_inputs(model, seed)
        resident = compile_model(model, TARGET_OF[isa], schedule="stream")
        with resident.on("host") as session:
            wanted = session.runner.run(inputs)
        for way in ("layer", "stream"):
            rows = compile_model(model, TARGET_OF[isa], schedule=way, outputs="rows")
            info = read(rows.packed)
            assert all(output.by_rows for output in info.outputs)
            with rows.on("host") as session:
                for a, b in zip(wanted, session.runner.run(inputs), strict=True):
                    np.testing.assert_array_equal(a, b, f"random_cnn({seed}, True) for {isa}, {way}")


def test_output_rows_save_the_output() -> None:
    """A wide last layer: of its image, one row at a time is there."""
    m = Builder()
    x = m.input((1, 24, 20, 2), quant=Quant(0.05))
    y = m.conv_2d(x, np.ones((16, 3, 3, 2), np.int8), None, Quant(0.01), Quant(0.1))
    model = m.build([y])
    resident, rows = (compile_model(model, schedule="stream", outputs=way) for way in ("resident", "rows"))
    assert resident.plan.arena_bytes > 24 * 20 * 16
    assert rows.plan.arena_bytes < 24 * 20 * 2 + 20 * 16 + 600


def test_an_output_of_one_row_goes_too() -> None:
    m = Builder()
    x = m.input((1, 1, 6, 2), quant=Quant(0.05))
    model = m.build([m.max_pool_2d(x, (1, 2))])
    rows = compile_model(model, outputs="rows")
    assert read(rows.packed).outputs[0].by_rows
    with rows.on("host") as session, compile_model(model).on("host") as resident:
        inputs = random_inputs(model, 1)
        np.testing.assert_array_equal(session.run(*inputs), resident.run(*inputs))


def test_an_output_that_is_no_image_cannot_go_row_by_row() -> None:
    def refused(build: Any, message: str) -> None:
        m = Builder()
        model = m.build([build(m, m.input((1, 6, 5, 2), quant=Quant(0.05), name="x"))])
        for way in ("layer", "stream", "auto"):
            with pytest.raises(InputError, match=message):
                compile_model(model, schedule=way, outputs="rows")

    refused(
        lambda m, x: m.mean(x, [1, 2], Quant(0.1), name="y"),
        "output 'y' cannot go row by row: op 0 mean writes all of it at once; keep it resident",
    )
    refused(
        lambda m, x: m.transpose(x, (0, 2, 1, 3), name="y"),
        "output 'y' cannot go row by row: op 0 transpose writes all of it at once",
    )
    refused(
        lambda m, x: m.reshape(m.max_pool_2d(x, (2, 2), name="y"), (12,)),
        "output 'y' cannot go row by row: its shape changes behind op 0 max_pool_2d",
    )
    refused(
        lambda m, x: m.fully_connected(
            m.max_pool_2d(x, (1, 1)), np.ones((3, 60), np.int8), None, Quant(0.01), Quant(0.1), name="y"
        ),
        "output 'y' cannot go row by row: op 1 fully_connected writes all of it at once",
    )


def test_wrong_words_are_refused() -> None:
    model = random_cnn(1)
    with pytest.raises(InputError, match="schedule is 'rows'; expected one of auto, layer, stream, patch"):
        compile_model(model, schedule="rows")
    with pytest.raises(InputError, match="input is 'camera'; expected one of resident, rows"):
        compile_model(model, input="camera")
    with pytest.raises(InputError, match="outputs is 'screen'; expected one of resident, rows"):
        compile_model(model, outputs="screen")


def test_the_same_model_gives_the_same_bytes() -> None:
    model = random_cnn(3)
    first, second = (compile_model(model, schedule="stream").packed for _ in range(2))
    assert first == second


SMALL = ((48, 48, 3), (28, 5, 5), (5, 28, 5), (20, 20, 7), (1, 24, 6), (13, 36, 4), (9, 72, 2))
"""Height and width of images, and the side of a filter, that depthwise convolutions may just have to work in place."""


@pytest.mark.parametrize("isa", PACKINGS)
def test_a_depthwise_convolution_works_in_place(isa: str) -> None:
    """For every kernel set, in the largest images there are for that: the same bytes as apart from its input."""
    for number, (height, width, side) in enumerate(SMALL):
        rng = np.random.default_rng(number)

        def depthwise_network(apart: bool, rng: np.random.Generator = rng, shape: Any = (height, width, side)) -> bytes:
            m = Builder()
            x = m.input((1, *shape[:2], 3), quant=Quant(0.05))
            y = m.conv_2d(x, rng.integers(-90, 90, (20, 1, 1, 3)).astype(np.int8), None, Quant(0.01), Quant(0.1))
            weights = rng.integers(-127, 128, (1, shape[2], shape[2], 20)).astype(np.int8)
            z = m.depthwise_conv_2d(y, weights, None, Quant(0.01), Quant(0.3))
            z = m.conv_2d(z, rng.integers(-90, 90, (4, 1, 1, 20)).astype(np.int8), None, Quant(0.01), Quant(1.0))
            return m.build([z, y] if apart else [z])

        state = rng.bit_generator.state
        apart = depthwise_network(True)
        rng.bit_generator.state = state
        inplace = depthwise_network(False)
        found = []
        for model in (apart, inplace):
            compiled = compile_model(model, TARGET_OF[isa], schedule="layer")
            buffers = compiled.plan.buffer_of
            depthwise = next(op for op in compiled.graph.ops if op.kind == "depthwise_conv_2d")
            shares = buffers[depthwise.inputs[0]] == buffers[depthwise.outputs[0]]
            assert shares == (model is inplace)
            with compiled.on("host") as session:
                found.append(session.runner.run(random_inputs(inplace, number))[0])
        np.testing.assert_array_equal(*found)
