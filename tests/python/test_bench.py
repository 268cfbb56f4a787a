# SPDX-License-Identifier: Apache-2.0
"""The comparison of figures: what `make bench-check` lets pass and what it does not."""

from __future__ import annotations

import pytest
from rich.console import Console
from tests.bench import bench

from groat.targets import list_targets

CASE = bench.Case("resnet8", "cortex-m4", "balanced")


def row(**figures: int) -> bench.Row:
    return {**CASE._asdict(), **{name: str(figures.get(name, 1000)) for name in ("macs", *bench.MEASURED)}}


@pytest.mark.parametrize("name", bench.MEASURED)
def test_more_than_two_percent_is_too_much(name: str) -> None:
    committed = {CASE: row()}
    assert bench.got_worse({CASE: row(**{name: 1020})}, committed) == []
    assert bench.got_worse({CASE: row(**{name: 10})}, committed) == []
    found = bench.got_worse({CASE: row(**{name: 1021})}, committed)
    assert found == [f"resnet8 on cortex-m4, balanced: {name} was 1,000, is 1,021"]


def test_a_new_case_is_not_worse() -> None:
    assert bench.got_worse({CASE._replace(optimize="speed"): row(instructions=5000)}, {CASE: row()}) == []


def test_one_instruction_more_is_not_the_same() -> None:
    assert bench.differences({CASE: row()}, {CASE: row()}) == []
    found = bench.differences({CASE: row()}, {CASE: row(instructions=1001)})
    assert found == ["resnet8 on cortex-m4, balanced: instructions was 1000, then 1001"]


def test_every_committed_figure_and_every_peers_is_of_something_measured() -> None:
    figures, peers = bench.read_figures(), bench.read_peers()
    assert len(figures) > 60
    assert {(case.model, case.target) for case in figures} >= {key for key in peers if key[0] in bench.MODELS}
    for model, target in peers:
        assert model in bench.MODELS
        assert target in list_targets()
    assert all(peer["source"] for peer in peers.values())


def test_the_summary_shows_both_figures() -> None:
    console = Console(width=140, record=True)
    fast = CASE._replace(optimize="speed")
    rows = {CASE: row(instructions=11_500_000), fast: row(instructions=7_450_000)}
    with console.capture() as capture:
        console.print(bench.summary(rows, {("resnet8", "cortex-m4"): {"instructions": "29863360"}}))
    text = capture.get()
    assert "cortex-m4 speed" in text
    assert "11.5 (29.9)" in text
    assert "7.45 (29.9)" in text


def test_the_readmes_table_is_made_of_the_figures() -> None:
    figures = {
        CASE: row(instructions=11_500_000, macs=12_501_632, arena_bytes=51152),
        CASE._replace(target="cortex-m55"): row(instructions=2_440_000, stack_bytes=1096),
    }
    peers = {("resnet8", "cortex-m4"): {"instructions": "29863360", "arena_bytes": "54996", "code_bytes": ""}}
    text = bench.readme_table(figures, peers)
    assert text == (
        "| model (int8) | MACs | Cortex-M4 | Cortex-M55 | arena | code and constants |\n"
        "|---|---|---|---|---|---|\n"
        "| ResNet8, images | 12.5 M | 11.5 · 29.9 | 2.44 · – | 51,152 · 54,996 | 1,000 · – |\n"
    )
    before = bench.README.read_text(encoding="utf-8")
    after = bench.updated_readme(before, figures, peers)
    assert text in after
    assert "its stack is at most 1,096 bytes" in after
    assert bench.updated_readme(after, figures, peers) == after
    with pytest.raises(ValueError, match="lost its table"):
        bench.updated_readme("nothing", figures, peers)


def test_every_committed_model_has_its_row_in_the_readme() -> None:
    lines = bench.readme_table(bench.read_figures(), bench.read_peers()).splitlines()
    assert [line.split(" | ")[0].lstrip("| ") for line in lines[2:]] == list(bench.README_LABELS.values())
