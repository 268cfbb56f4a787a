# SPDX-License-Identifier: Apache-2.0
"""Which layout each layer gets: budgets kept to the byte, the best choice, the same outputs whatever is chosen."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from tests.support.digits import MODEL as DIGITS
from tests.support.random_graphs import random_inputs, random_model
from tools.tflite_builder import Builder, Quant

import groat
from groat.analysis import analyze_model
from groat.errors import FitError, InputError
from groat.isa import core
from groat.options import OPTIMIZE
from groat.pack import choose as chooser
from groat.pack.choose import aligned_bytes, choose, pack_model
from groat.pack.layouts import Candidate, Packed
from groat.planner import Region

TARGET = "cortex-m4"


def offer(nbytes: int, instructions: int, widened: bool = False) -> Candidate:
    return Candidate(f"{nbytes}", (Packed(bytes(nbytes), b""),), widened, instructions=instructions)


def residual() -> bytes:
    """Two convolutions of 3x3 on a 12x16 image, and one of 1x1."""
    rng = np.random.default_rng(3)
    b = Builder()

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(-60, 61, shape).astype(np.int8)

    def bias(count: int) -> np.ndarray:
        return rng.integers(-999, 1000, count).astype(np.int32)

    scales = (Quant(0.01, 0), Quant(0.2, 3))
    x = b.input((1, 12, 16, 8), quant=Quant(0.05, -3), name="x")
    y = b.conv_2d(x, weights(8, 3, 3, 8), bias(8), *scales, padding="SAME")
    y = b.conv_2d(y, weights(12, 3, 3, 8), bias(12), *scales, padding="SAME")
    y = b.conv_2d(y, weights(16, 1, 1, 12), bias(16), *scales)
    return b.build([y])


# ---- The choice --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimize", OPTIMIZE)
def test_no_other_choice_is_better(optimize: chooser.Optimize) -> None:
    rng = np.random.default_rng(1)
    for _ in range(150):
        offers = [
            [offer(int(rng.integers(1, 90)), int(rng.integers(1, 9)), bool(rng.random() < 0.4)) for _ in range(count)]
            for count in rng.integers(0, 4, 5)
        ]
        for step in offers:
            step[:1] = [offer(item.nbytes, item.instructions or 0) for item in step[:1]]
        allowed = [
            [i for i, c in enumerate(step) if optimize == "speed" or not c.widened] if step else [0] for step in offers
        ]

        def totals(picks: tuple[int, ...], offers: list[list[Candidate]] = offers) -> tuple[int, int]:
            taken = [step[pick] for step, pick in zip(offers, picks, strict=True) if step]
            nbytes = sum(map(aligned_bytes, taken))
            return nbytes if optimize == "size" else sum(c.instructions or 0 for c in taken), nbytes

        every = [totals(picks) for picks in itertools.product(*allowed)]
        least = min(nbytes for _, nbytes in every)
        for room in (None, least, least + 16, least + int(rng.integers(0, 200))):
            picks = choose(offers, optimize, room)
            assert all(pick in options for pick, options in zip(picks, allowed, strict=True))
            best = min((cost, nbytes) for cost, nbytes in every if room is None or nbytes <= room)
            assert totals(tuple(picks)) == best
            assert choose(offers, optimize, room) == picks


def test_without_room_the_smallest_is_chosen() -> None:
    assert choose([[offer(64, 1), offer(32, 5)], [], [offer(16, 3)]], "speed", 10) == [1, 0, 0]


# ---- Whole models ------------------------------------------------------------------------------------------


def test_ways_to_optimize_are_ordered() -> None:
    compiled = {way: groat.compile(residual(), target=TARGET, optimize=way) for way in OPTIMIZE}
    size, balanced, speed = (compiled[way] for way in OPTIMIZE)
    assert len(size.packed) <= len(balanced.packed) < len(speed.packed)
    assert groat.compile(residual(), target=TARGET).packed == balanced.packed
    layouts = [layer["layout"] for layer in speed.report["layers"]]
    assert layouts.count("winograd 4x4") >= 1
    assert any(layout.startswith("int16") for layout in layouts)
    assert all(layer["layout"].startswith("int8") for layer in balanced.report["layers"])
    expected = [sum(layer["expected_instructions"] for layer in c.report["layers"]) for c in (balanced, speed)]
    assert expected[1] < expected[0]


def test_a_budget_is_kept_to_the_byte() -> None:
    model = residual()
    least = len(groat.compile(model, target=TARGET, optimize="size").packed)
    most = len(groat.compile(model, target=TARGET, optimize="speed").packed)
    before = None
    for budget in (*range(least, most, 97), most - 1, most):
        compiled = groat.compile(model, target=TARGET, optimize="speed", flash=budget)
        assert len(compiled.packed) <= budget
        expected = sum(layer["expected_instructions"] for layer in compiled.report["layers"])
        assert before is None or expected <= before  # more flash never costs instructions
        before = expected
        if len(compiled.packed) > least:  # and not a byte less would do
            smaller = groat.compile(model, target=TARGET, optimize="speed", flash=len(compiled.packed) - 1)
            assert len(smaller.packed) < len(compiled.packed)
    assert len(compiled.packed) == most
    for way in OPTIMIZE:
        assert len(groat.compile(model, target=TARGET, optimize=way, flash=least).packed) == least
        with pytest.raises(FitError, match=f"at least {least:,} bytes of flash; the budget is {least - 1:,}"):
            groat.compile(model, target=TARGET, optimize=way, flash=least - 1)


def test_scratch_gives_way_where_ram_is_short() -> None:
    graph = groat.compile(residual(), target=TARGET).graph
    free = pack_model(graph, "dsp", bytes(32), "speed")
    tight = pack_model(graph, "dsp", bytes(32), "speed", regions=(Region(nbytes=free.plan.arena_bytes - 1),))
    assert tight.plan.arena_bytes < free.plan.arena_bytes
    # Where nothing helps, the runtime says what is missing.
    for way in OPTIMIZE:  # each as far as its layouts go
        assert pack_model(graph, "dsp", bytes(32), way, regions=(Region(nbytes=1),)).plan.arena_bytes > 1


def test_smaller_tiles_take_less_flash() -> None:
    """Between weights as they are and the fastest layout of all there is a step."""
    model = residual()
    sizes = [len(groat.compile(model, target=TARGET, optimize=way).packed) for way in ("balanced", "speed")]
    found = set()
    for budget in range(*sizes, 256):
        report = groat.compile(model, target=TARGET, optimize="speed", flash=budget).report
        found |= {layer["layout"] for layer in report["layers"]}
    assert {"winograd 2x2", "winograd 4x4"} <= found


def test_a_target_without_a_choice_takes_every_way() -> None:
    for target in ("host", "cortex-m0"):
        packed = {groat.compile(residual(), target=target, optimize=way).packed for way in OPTIMIZE}
        assert len(packed) == 1


def test_analysis_of_a_model_that_no_layout_makes_fit() -> None:
    least = len(groat.compile(residual(), target=TARGET, optimize="size").packed)
    report = analyze_model(residual(), TARGET, flash=least - 1, optimize="speed")
    assert (report["fits"], report["model_bytes"]) == (False, least)
    assert analyze_model(residual(), TARGET, flash=least, optimize="speed")["fits"]


def test_an_unknown_way() -> None:
    with pytest.raises(InputError, match="size, balanced, speed"):
        groat.compile(residual(), optimize="fast")


@pytest.mark.parametrize("way", OPTIMIZE)
def test_outputs_are_the_same(way: str) -> None:
    for seed in range(200_000, 200_030):
        model = random_model(seed)
        inputs = random_inputs(model, seed)
        with groat.compile(model, target=TARGET, optimize=way).on("host") as host:
            found = host.runner.run(inputs)
        with groat.compile(model).on("host") as host:
            expected = host.runner.run(inputs)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=f"{way}, seed {seed}")


def test_digits_in_every_budget() -> None:
    x = np.random.default_rng(0).integers(-128, 128, (1, 8, 8, 1)).astype(np.int8)
    expected = groat.compile(DIGITS).run(x)
    least = len(groat.compile(DIGITS, target=TARGET, optimize="size").packed)
    for budget in range(least, least + 9000, 1500):
        compiled = groat.compile(DIGITS, target=TARGET, optimize="speed", flash=budget)
        np.testing.assert_array_equal(compiled.run(x), expected)


# ---- What a damaged file can say ---------------------------------------------------------------------------


F4, F2 = 6, 7  # layouts of transformed filters


def forced(monkeypatch: pytest.MonkeyPatch, layout: int, **shape: Any) -> int:
    """What groat_open says of a convolution that is said to lie in a layout of transformed filters."""
    size, channels, filters, kernel = (12, 12), 8, 4, (3, 3)
    size, channels = shape.pop("size", size), shape.pop("channels", channels)
    filters, kernel = shape.pop("filters", filters), shape.pop("kernel", kernel)
    groups = shape.pop("groups", 1)
    tags = np.full(filters, 0x101, np.int64)
    tags[1::2] -= 0x100
    tags[-1] |= shape.pop("last", 1 << 31)
    tags[0] &= shape.pop("first", -1)
    records = np.stack([np.zeros(filters, np.int64)] * 3 + [tags], axis=1).astype("<u4").tobytes()
    packed = Packed(bytes({F4: 36, F2: 16}[layout] * 8 * channels * filters), records, layout)
    offers = [Candidate("forced", (packed,) * groups)]
    monkeypatch.setattr("groat.pack.writer.candidates", lambda *_: offers)
    b = Builder()
    x = b.input((1, *size, channels), quant=Quant(0.05, -3), name="x")
    weights = np.ones((filters, *kernel, channels // groups), np.int8)
    y = b.conv_2d(x, weights, np.zeros(filters, np.int32), Quant(0.01, 0), Quant(0.2, 3), **shape)
    compiled = groat.compile(b.build([y]), target=TARGET)
    status: int = core("dsp").Model.open_status(compiled.packed, compiled.plan.arena_bytes)
    return status


@pytest.mark.parametrize("layout", [F4, F2])
def test_strips_are_taken_where_they_fit(monkeypatch: pytest.MonkeyPatch, layout: int) -> None:
    assert forced(monkeypatch, layout) == 0
    assert forced(monkeypatch, layout, size=(6, 6), channels=64, filters=2) == 0
    side = {F4: 4, F2: 2}[layout]
    assert forced(monkeypatch, layout, size=(side, side)) == 0
    assert forced(monkeypatch, layout, size=(side - 1, 12)) != 0
    assert forced(monkeypatch, layout, size=(12, side - 1)) != 0


@pytest.mark.parametrize("layout", [F4, F2])
@pytest.mark.parametrize(
    "shape",
    [
        {"stride": (2, 1)},
        {"stride": (1, 2)},
        {"dilation": (2, 1)},
        {"dilation": (1, 2)},
        {"size": (1, 12)},
        {"size": (12, 1)},
        {"kernel": (3, 5)},
        {"kernel": (5, 3)},
        {"kernel": (1, 1)},
        {"channels": 6},
        {"channels": 68},
        {"filters": 3},
        {"groups": 2},
        {"last": 0},  # the run of channels never ends
        {"first": 0xFF},  # a channel that would need the long way
        {"first": 0x100},  # a shift by 0
    ],
    ids=str,
)
def test_strips_are_refused_where_they_do_not_fit(
    monkeypatch: pytest.MonkeyPatch, layout: int, shape: dict[str, Any]
) -> None:
    assert forced(monkeypatch, layout, **dict(shape)) != 0
