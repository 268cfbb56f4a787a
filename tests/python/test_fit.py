# SPDX-License-Identifier: Apache-2.0
"""Budgets of RAM: the schedule that fits one is found, and where there is none, what is said of it is true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.command import Groat
from tests.support.random_cnns import random_cnn
from tests.support.random_graphs import random_inputs
from tools.tflite_builder import Builder, Quant

import groat
from groat.analysis import analyze_model
from groat.compiler import Job
from groat.errors import FitError, InputError
from groat.fit import Fitted, fit, trade_off, ways_of
from groat.options import Options
from groat.oracle.tflm import is_installed
from groat.pack import read
from groat.planner import Way

TARGET = "cortex-m4"
COMPILING = ("analyze", "pack", "run", "validate", "profile")


def dense() -> bytes:
    """A model that goes neither by rows nor in a stream."""
    m = Builder()
    x = m.input((1, 640), quant=Quant(0.05))
    return m.build([m.fully_connected(x, np.ones((3, 640), np.int8), None, Quant(0.01), Quant(0.1))])


def deep() -> bytes:
    """Wide in the middle, so that streams save a lot and kernels need scratch."""
    m = Builder()
    y = m.input((1, 24, 24, 4), quant=Quant(0.05, 3))
    for depth, channels in ((4, 8), (8, 16), (16, 16), (16, 8)):
        y = m.conv_2d(y, np.ones((channels, 3, 3, depth), np.int8), None, Quant(0.01), Quant(0.5, -4))
    return m.build([m.max_pool_2d(y, (4, 4), stride=(4, 4))])


# ---- What is said is true ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("schedule", ["auto", "layer", "stream"])
def test_the_smallest_budget_works_and_no_smaller_one(seed: int, schedule: str) -> None:
    model = random_cnn(seed)
    with pytest.raises(FitError) as refused:
        groat.compile(model, TARGET, schedule=schedule, ram=0)
    facts = refused.value.facts
    least = facts["smallest_bytes"]
    found = groat.compile(model, TARGET, schedule=schedule, ram=least)
    assert found.plan.arena_bytes == read(found.packed).arena_bytes == least
    with pytest.raises(FitError, match=f"the smallest budget that works is {least:,}: ") as again:
        groat.compile(model, TARGET, schedule=schedule, ram=least - 1)
    assert again.value.facts == facts
    for help in facts["helps"]:
        other: dict[str, Any] = {"schedule": schedule, help["option"]: help["value"]}
        assert help["smallest_bytes"] < least
        assert groat.compile(model, TARGET, **other, ram=help["smallest_bytes"]).plan.arena_bytes < least
        assert f"{help['option']}={help['value']} ({help['smallest_bytes']:,} bytes)" in str(refused.value)


def test_what_never_helps_is_not_proposed() -> None:
    with pytest.raises(FitError, match="no other schedule or input needs less") as refused:
        groat.compile(dense(), TARGET, ram=100)
    assert refused.value.facts["helps"] == []
    (part,) = refused.value.facts["schedule"]
    assert (part["kind"], part["first_op"], part["last_op"]) == ("layer", 0, 0)
    assert 643 <= part["bytes"] <= refused.value.facts["smallest_bytes"]


def test_budgets_between_get_what_fits_and_the_same_outputs() -> None:
    model = deep()
    layers = groat.compile(model, TARGET, schedule="layer")
    least = analyze_model(model, TARGET)["pareto"][-1]["arena_bytes"]
    assert least < layers.plan.arena_bytes // 2
    inputs = random_inputs(model, 1)
    expected = layers.run(*inputs)
    streamed: list[int] = []
    for ram in np.linspace(layers.plan.arena_bytes, least, 12).astype(int).tolist():
        found = groat.compile(model, TARGET, ram=ram)
        assert found.plan.arena_bytes <= ram
        np.testing.assert_array_equal(found.run(*inputs), expected)
        streamed.append(sum(stream.count for stream in found.plan.schedule.streams))
    assert streamed[0] == 0
    assert streamed == sorted(streamed)
    assert len(set(streamed)) > 2, "there are schedules between the two ends"


def test_without_a_budget_the_target_is_one_but_no_error() -> None:
    """16 KB are not enough to run it layer by layer."""
    wide = Builder()
    x = wide.input((1, 64, 64, 2), quant=Quant(0.05))
    y = wide.conv_2d(x, np.ones((8, 3, 3, 2), np.int8), None, Quant(0.01), Quant(0.5))
    model = wide.build([wide.max_pool_2d(y, (4, 4), stride=(4, 4))])
    small, large = groat.compile(model, "cortex-m0"), groat.compile(model, "cortex-m4")
    assert large.plan.schedule.streams == ()
    assert len(small.plan.schedule.streams) == 1
    assert small.plan.arena_bytes < small.target.ram_bytes < large.plan.arena_bytes
    assert groat.compile(model, "cortex-m0", schedule="layer").plan.arena_bytes > small.target.ram_bytes


def test_layouts_give_way_in_a_stream_too() -> None:
    """All of its steps share their scratch, so that it takes all of the heaviest to make it less."""
    job = Job(deep(), TARGET, Options(schedule="stream", optimize="speed"))
    (way,) = ways_of(job.graph, job.options, job)
    usual, tight = (job.compiled(Fitted(way, job.pack(way, ram))) for ram in (None, 0))
    assert tight.plan.arena_bytes < usual.plan.arena_bytes
    assert tight.report["scratch_bytes"] < usual.report["scratch_bytes"]
    np.testing.assert_array_equal(tight.run(*random_inputs(deep(), 0)), usual.run(*random_inputs(deep(), 0)))


def test_layouts_are_remembered_and_change_nothing() -> None:
    job = Job(deep(), TARGET, Options(optimize="speed"))
    found = list(ways_of(job.graph, job.options, job))
    assert len(found) > 3
    for way in found:
        fresh = Job(deep(), TARGET, Options(optimize="speed"))
        assert job.pack(way, None).packed == fresh.pack(way, None).packed


# ---- The trade-off -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", ["resident", "rows"])
@pytest.mark.parametrize("seed", [0, 3, 5, 8])
def test_the_trade_off_is_monotone_and_can_be_had(seed: int, rows: str) -> None:
    model = random_cnn(seed)
    report = analyze_model(model, TARGET, input=rows)
    points = report["pareto"]
    assert points[0]["mac_overhead"] == 1.0
    for one, next in pairwise(points):
        assert next["arena_bytes"] < one["arena_bytes"]
        assert next["mac_overhead"] > one["mac_overhead"]
    for point in points:
        budget = {"ram": point["arena_bytes"], "max_mac_overhead": point["mac_overhead"]}
        found = groat.compile(model, TARGET, input=rows, **budget)
        assert found.plan.arena_bytes == point["arena_bytes"]
        assert found.mac_overhead <= point["mac_overhead"]
    assert analyze_model(model, TARGET, input=rows)["pareto"] == points


def test_the_trade_off_keeps_only_what_nothing_beats() -> None:
    """With schedules that make rows again, as far as their MACs go."""
    job = Job(deep(), TARGET, Options())
    first, middle, *_, last = ways_of(job.graph, job.options, job)
    offered = [first, replace(middle, mac_overhead=1.3), replace(last, mac_overhead=1.2)]
    offered.append(replace(last, mac_overhead=1.25))
    layers, between, least = (job.pack(way, 0).plan.arena_bytes for way in offered[:3])
    assert layers > between > least
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("groat.fit.ways", lambda *_: iter(offered))
        job.known_ways.clear()
        points = trade_off(job.graph, job.options, job)
    assert points == [
        {"arena_bytes": layers, "mac_overhead": 1.0},
        {"arena_bytes": least, "mac_overhead": 1.2},
    ]


def test_more_work_is_proposed_where_it_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(deep(), TARGET, Options())
    found = list(ways_of(job.graph, job.options, job))
    least = job.pack(found[-1], 0).plan.arena_bytes

    def with_patches(
        graph: object,
        kind: str,
        rows_in: bool,
        max_mac_overhead: float,
        scratch: object,
        rows_out: bool,
        progress: object,
        coarse: object,
    ) -> Iterator[Way]:
        offered = [*found[:-1], replace(found[-1], mac_overhead=1.2)]
        return (way for way in offered if way.mac_overhead <= max_mac_overhead)

    monkeypatch.setattr("groat.fit.ways", with_patches)
    job.known_ways.clear()
    with pytest.raises(FitError, match=rf"max_mac_overhead=1\.2 \({least:,} bytes\)") as refused:
        fit(job.graph, Options(ram=least), job, None)
    assert {"option": "max_mac_overhead", "value": 1.2, "smallest_bytes": least} in refused.value.facts["helps"]
    fitted = fit(job.graph, Options(ram=least, max_mac_overhead=1.2), job, None)
    assert (fitted.arena_bytes, job.compiled(fitted).report["mac_overhead"]) == (least, 1.2)


# ---- Reports -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("schedule", ["layer", "stream"])
def test_a_report_of_a_schedule_adds_up(seed: int, schedule: str) -> None:
    compiled = groat.compile(random_cnn(seed), TARGET, schedule=schedule)
    report = json.loads(json.dumps(compiled.report))
    places = [(part["first_op"], part["last_op"]) for part in report["schedule"]]
    covered = [op for first, last in places for op in range(first, last + 1)]
    assert covered == list(range(len(compiled.graph.ops)))
    assert max(part["bytes"] for part in report["schedule"]) == report["peak"]["bytes"]
    assert sum(tensor["bytes"] for tensor in report["peak"]["tensors"]) == report["peak"]["bytes"]
    streams = [part for part in report["schedule"] if part["kind"] == "stream"]
    assert len(streams) == len(compiled.plan.schedule.streams)
    for part in report["schedule"]:
        assert set(part) == {"kind", "first_op", "last_op", "bytes"} | ({"lines"} if part in streams else set())
        for line in part.get("lines", []):
            assert 0 <= line["slots"] <= line["rows"] * line["units"]
    assert report["activation_bytes"] + report["scratch_bytes"] == report["arena_bytes"]
    assert 0 <= report["scratch_bytes"] <= sum(layer["scratch_bytes"] + 15 for layer in report["layers"])
    gap = report["arena_bytes"] - report["arena_lower_bound"]
    assert report["optimal"] == (gap or True)


def test_scratch_is_what_kernels_ask_for_and_no_sums() -> None:
    """Of a MEAN in a stream, what its C code calls scratch are sums, without which there is no schedule."""
    m = Builder()
    x = m.input((1, 12, 12, 8), quant=Quant(0.05))
    y = m.conv_2d(x, np.ones((8, 1, 1, 8), np.int8), None, Quant(0.01), Quant(0.5))
    compiled = groat.compile(m.build([m.mean(y, (1, 2), Quant(0.5))]), "host", schedule="stream", input="rows")
    report = compiled.report
    asked = {layer["op"]: layer["scratch_bytes"] for layer in report["layers"]}
    assert asked["mean"] == 4 * 8
    rings = sum(line["bytes"] for part in report["schedule"] for line in part["lines"])
    state = 4 * len(report["schedule"][0]["lines"])
    assert report["activation_bytes"] == pytest.approx(rings + 4 * 8 + state, abs=64)
    assert report["scratch_bytes"] == pytest.approx(asked["conv_2d"], abs=15)
    assert report["arena_bytes"] == report["activation_bytes"] + report["scratch_bytes"]


# ---- Options -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("optimize", "fast", "optimize is 'fast'; expected one of size, balanced, speed"),
        ("schedule", "rows", "schedule is 'rows'; expected one of auto, layer, stream, patch"),
        ("input", "camera", "input is 'camera'; expected one of resident, rows"),
        ("ram", -1, "ram is -1 bytes; expected at least 0"),
        ("flash", -1, "flash is -1 bytes; expected at least 0"),
        ("max_mac_overhead", 0.9, "max_mac_overhead is 0.9; expected at least 1.0"),
        ("max_mac_overhead", float("nan"), "max_mac_overhead is nan; expected at least 1.0"),
    ],
)
def test_values_that_do_not_exist(digits: Path, option: str, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        groat.compile(digits, **{option: value})


def test_choices_stand_in_place_of_options(digits: Path) -> None:
    options = Options(optimize="size", schedule="stream")
    assert groat.compile(digits, options=options).options == options
    assert groat.compile(digits, options=options, schedule="layer").options == Options(
        optimize="size", schedule="layer"
    )
    with pytest.raises(TypeError, match="no_such_option"):
        groat.compile(digits, no_such_option=1)


def test_every_option_is_a_flag_of_every_command_that_compiles(groat_command: Groat) -> None:
    for command in COMPILING:
        help = " ".join(groat_command(command, "--help").out.split())
        for option in fields(Options):
            assert f" --{option.name.replace('_', '-')} " in help
            assert " ".join(option.metadata["help"].split()[:3]) in help


def test_commands_hand_their_options_on(groat_command: Groat, digits: Path, tmp_path: Path) -> None:
    flags = ["--optimize", "speed", "--flash", "64K", "--schedule", "stream", "--input", "rows", "--ram", "9K"]
    flags += ["--max-mac-overhead", "1.25", "--io", "integer", "--solver", "cp-sat", "--floats", "float16"]
    flags += ["--names", "all"]
    given: dict[str, Any] = {"optimize": "speed", "flash": 64 << 10, "schedule": "stream", "input": "rows"}
    given |= {"ram": 9 << 10, "max_mac_overhead": 1.25, "io": "integer", "solver": "cp-sat", "floats": "float16"}
    given["names"] = "all"
    expected = Options(**given)
    unchanged = {name for name, value in asdict(expected).items() if value == getattr(Options(), name)}
    reasons = "which would stand in place of ram; whose output is no image; of ONNX; what hands nothing on"
    assert unchanged == {"memories", "outputs", "shape", "channels", "states"}, reasons
    output = tmp_path / "digits.groat"
    report = groat_command.json("pack", digits, "-o", output, "--target", "cortex-m4", *flags)
    assert output.read_bytes() == groat.compile(digits, "cortex-m4", options=expected).packed
    assert (report["input"], report["max_mac_overhead"]) == ("rows", 1.25)
    analysis = groat_command.json("analyze", digits, "--target", "cortex-m4", *flags)
    assert {name: analysis[name] for name in ("arena_bytes", "schedule")} == {
        name: report[name] for name in ("arena_bytes", "schedule")
    }
    assert groat_command.json("run", digits, *flags)["outputs"] == groat_command.json("run", digits)["outputs"]
    if is_installed():
        assert groat_command.json("validate", digits, "--inputs", 2, *flags)["equal"]


def test_a_command_gives_rows(groat_command: Groat, tmp_path: Path) -> None:
    path = tmp_path / "image.tflite"
    path.write_bytes(random_cnn(1, image=True))
    resident, rows = (groat_command.json("run", path, "--outputs", way) for way in ("resident", "rows"))
    assert rows == resident
    packed = tmp_path / "image.groat"
    groat_command.json("pack", path, "-o", packed, "--outputs", "rows")
    assert all(info.by_rows for info in read(packed.read_bytes()).outputs)


@pytest.mark.parametrize("command", COMPILING)
def test_a_budget_that_is_impossible_ends_with_4(groat_command: Groat, digits: Path, command: str) -> None:
    if command == "validate" and not is_installed():
        pytest.skip("needs the package tflite-micro")
    result = groat_command(command, digits, "--ram", "100", "--format", "json")
    assert result.code == 4
    if command != "analyze":
        assert result.out == ""
        assert "no schedule needs as little as 100 bytes of RAM; the smallest budget that works is" in result.err
        return
    assert result.json["fits"] is False
    least = result.json["smallest_bytes"]
    assert result.json["arena_bytes"] == least
    assert groat_command("analyze", digits, "--ram", least).code == 0
    table = groat_command("analyze", digits, "--ram", "100").out
    assert f"smallest_bytes │ {least:,}" in " ".join(table.split())


def test_a_packed_file_has_its_schedule_already(groat_command: Groat, digits: Path, tmp_path: Path) -> None:
    packed = tmp_path / "digits.groat"
    assert groat_command("pack", digits, "-o", packed, "--schedule", "stream").code == 0
    message = groat_command.fails(2, "run", packed, "--ram", "4K", "--max-mac-overhead", "1.1")
    assert "is packed already: --ram and --max-mac-overhead are for models that are not" in message
    assert "is packed already: --input is for models that are not" in groat_command.fails(
        2, "profile", packed, "--input", "rows"
    )


# ---- How far it is -----------------------------------------------------------------------------------------


def test_planning_tells_how_far_it_is() -> None:
    """Every schedule that is tried, op by op; and which of them is packed where all are compared."""
    told: list[tuple[str, int, int]] = []
    with pytest.raises(FitError) as refused:
        groat.compile(deep(), TARGET, ram=0, progress=lambda *step: told.append(step))
    assert "smallest arena" in {what for what, _, _ in told}
    told.clear()
    least = refused.value.facts["smallest_bytes"]
    groat.compile(deep(), TARGET, ram=least, progress=lambda *step: told.append(step))
    assert all(0 <= done <= total for _, done, total in told)
    schedules = [what for what, done, total in told if what.startswith("schedule") and done == total]
    assert schedules == [f"schedule {number + 1}" for number in range(len(schedules))]
    assert len(schedules) > 1
    for what in {what for what, _, _ in told}:
        counts = [done for each, done, _ in told if each == what]
        assert counts == sorted(counts), what
    told.clear()
    analyze_model(deep(), TARGET, progress=lambda *step: told.append(step))
    assert told[-1][0] == "memory against work"
