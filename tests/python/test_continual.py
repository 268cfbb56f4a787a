# SPDX-License-Identifier: Apache-2.0
"""New classes, learnt without forgetting the others: examples/continual."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support import continual


def learnt(lesson: Any) -> list[tuple[float, ...]]:
    """Accuracy on each test before, after new samples alone, and after new ones with replay."""
    module = continual.example("lesson")
    found = [
        module.measure(lesson), module.learn(lesson, "host", 0), module.learn(lesson, "host", lesson.replays)
    ]  # fmt: skip
    print(*found, sep="\n")
    return [tuple(shares.values()) for shares in found]


def test_scans_of_new_digits() -> None:
    (old, new), (alone_old, alone_new), (kept_old, kept_new) = learnt(continual.scans())
    assert old > 0.95
    assert new < 0.02
    assert alone_old < old - 0.15
    assert kept_old > 0.88
    assert min(alone_new, kept_new) > 0.85


def test_new_digits_of_mnist() -> None:
    """A part of it, in larger steps."""
    lesson = replace(continual.mnist(images=3000, stream=300, judged=1000), rate=0.01)
    (old, new), (alone_old, alone_new), (kept_old, kept_new) = learnt(lesson)
    assert old > 0.93
    assert new == 0
    assert alone_old < old - 0.15
    assert kept_old > old - 0.06
    assert kept_new > 0.75
    assert alone_new > 0.9


def test_new_keywords() -> None:
    """Heard once or twice."""
    before, alone, kept = learnt(continual.keywords(times=2))
    assert before[0] > 0.88
    assert before[1] == 0
    assert alone[0] < before[0] - 0.2
    assert alone[2] < 0.1
    assert kept[0] > before[0] - 0.06
    assert min(kept[1:]) > 0.6


@pytest.mark.slow
def test_new_digits_of_all_mnist() -> None:
    (old, new), (alone_old, _), (kept_old, kept_new) = learnt(continual.mnist())
    assert old > 0.985
    assert new == 0
    assert alone_old < old - 0.25
    assert kept_old > 0.96
    assert kept_new > 0.92


@pytest.mark.slow
def test_new_keywords_that_are_heard_often() -> None:
    before, alone, kept = learnt(continual.keywords())
    assert alone[0] < before[0] - 0.25
    assert kept[0] > before[0] - 0.06
    assert min(kept[1:]) > 0.8


def test_the_example_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn", reason="needs the scans that come with scikit-learn")
    assert continual.example("continual").main(["scans"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["digits", "0", "to", "7", "8", "and", "9"]
    assert [line.split("  ")[0] for line in lines[1:]] == ["before", "new samples alone", "with 8 replays each"]
    assert all(line.count("%") == 2 for line in lines[1:])
