# SPDX-License-Identifier: Apache-2.0
"""The picture of a plan: every buffer is where it lies, and nothing is drawn that is not there."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from tests.support.command import Groat
from tests.support.random_cnns import random_cnn
from tools.tflite_builder import Builder, Quant

import groat
from groat.plot import REGION_HEIGHT, TOP, WIDTH, draw

SVG = "{http://www.w3.org/2000/svg}"


def parsed(compiled: groat.Compiled) -> ElementTree.Element:
    return ElementTree.fromstring(draw(compiled, [{"arena_bytes": 4096, "mac_overhead": 1.0}]))


def boxes(root: ElementTree.Element) -> list[tuple[dict[str, str], str]]:
    """(attributes, tooltip) of all rectangles that have one."""
    found = [(rect.attrib, rect.findtext(f"{SVG}title")) for rect in root.iter(f"{SVG}rect")]
    return [(attributes, title) for attributes, title in found if title is not None]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("schedule", ["layer", "stream"])
def test_every_buffer_is_drawn_where_it_lies(seed: int, schedule: str) -> None:
    compiled = groat.compile(random_cnn(seed), "cortex-m4", schedule=schedule)
    drawn = boxes(parsed(compiled))
    buffers = compiled.plan.buffers
    assert len(drawn) == len(buffers)
    (region,) = compiled.plan.regions
    bottom = TOP + REGION_HEIGHT
    places = []
    for (attributes, title), buffer in zip(drawn, buffers, strict=True):
        assert f"{buffer.nbytes:,} bytes from {buffer.offset:,} on" in title
        x, y, width, height = (float(attributes[name]) for name in ("x", "y", "width", "height"))
        scale = (REGION_HEIGHT - 22) / region.nbytes
        assert height == pytest.approx(buffer.nbytes * scale, abs=0.06)
        assert bottom - y - height == pytest.approx(buffer.offset * scale, abs=0.11)
        places.append((x, x + width, y, y + height))
        assert 0 <= x < x + width <= WIDTH
    # What lives at the same time lies apart: no two boxes overlap by more than what rounding takes.
    for index, (left, right, top, end) in enumerate(places):
        for other, (other_left, other_right, other_top, other_end) in enumerate(places[:index]):
            if other == buffers[index].over or index == buffers[other].over:
                continue  # which may lie over each other
            wide = min(right, other_right) - max(left, other_left)
            high = min(end, other_end) - max(top, other_top)
            assert wide < 0.3 or high < 0.3


def test_streams_rings_and_scratch_are_marked() -> None:
    seen = 0
    for seed in range(10):
        compiled = groat.compile(random_cnn(seed), "cortex-m4", schedule="stream")
        report = compiled.report
        text = draw(compiled, [])
        titles = [title for _, title in boxes(ElementTree.fromstring(text))]
        for line in (line for part in report["schedule"] for line in part.get("lines", [])):
            if 0 < line["slots"] < line["rows"] * line["units"]:
                word = "rows" if line["units"] == 1 else "parts of rows"
                mark = f"ring of rows in a stream, {line['slots']} of {line['rows'] * line['units']} {word}"
                assert any(mark in title and title.endswith(line["tensor"]) for title in titles), (seed, line)
                seen += 1
        ops = compiled.graph.ops
        filters = [b for b in compiled.plan.buffers if any("conv" in ops[step].kind for step in b.steps)]
        assert sum("scratch of kernels" in title for title in titles) >= len(filters)
        assert text.count('fill="#f0fff4"') == len(compiled.plan.schedule.streams)
    assert seen > 5
    assert ">stream</text>" in draw(groat.compile(random_cnn(7), "cortex-m4", schedule="stream"), [])
    assert ">stream</text>" not in draw(groat.compile(random_cnn(7), schedule="layer"), [])


def test_names_that_are_markup_and_names_that_are_long() -> None:
    m = Builder("a <b> & c")
    x = m.input((1, 8, 8, 2), quant=Quant(0.1), name="<script>" + "x" * 200)
    compiled = groat.compile(m.build([m.max_pool_2d(x, (2, 2), name="y&z")]))
    root = parsed(compiled)
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert not any("script" in element.tag for element in root.iter())
    assert any(title.endswith("<script>" + "x" * 200) for _, title in boxes(root))
    assert max(map(len, texts)) < 160  # what fits beside the axis


def test_the_curve_has_its_points_and_this_plan() -> None:
    compiled = groat.compile(random_cnn(2), "cortex-m4", schedule="layer")
    points = [
        {"arena_bytes": 9000, "mac_overhead": 1.0},
        {"arena_bytes": 6000, "mac_overhead": 1.12},
        {"arena_bytes": 5000, "mac_overhead": 1.3},
    ]
    text = draw(compiled, points)
    marks = re.findall(r"<circle cx=\"([\d.]+)\" cy=\"([\d.]+)\".*?<title>(.*?)</title>", text)
    assert [title for *_, title in marks] == [
        "9,000 bytes at 1.00×",
        "6,000 bytes at 1.12×",
        "5,000 bytes at 1.30×",
        f"this plan: {compiled.plan.arena_bytes:,} bytes at 1.00×",
    ]
    xs, ys = ([float(mark[axis]) for mark in marks[:3]] for axis in (0, 1))
    assert xs == sorted(xs)
    assert ys == sorted(ys)  # less memory is further down


def test_the_command_draws(groat_command: Groat, digits: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.svg"
    report = groat_command.json("analyze", digits, "--plot", path, "--schedule", "layer")
    compiled = groat.compile(digits, "cortex-m4", schedule="layer")
    assert path.read_text() == draw(compiled, report["pareto"])
    assert groat_command("analyze", digits, "--plot", path, "--ram", "100").code == 4
    assert path.read_text() != draw(compiled, report["pareto"])
    assert "cannot write" in groat_command.fails(2, "analyze", digits, "--plot", tmp_path / "none" / "x.svg")
