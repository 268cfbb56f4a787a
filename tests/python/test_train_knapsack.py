# SPDX-License-Identifier: Apache-2.0
"""Which layers to train: against trying every set."""

from __future__ import annotations

import itertools
import random

import pytest

from groat.train.knapsack import Choice, Layer, choose


def best_of_all(layers: list[Layer], budget: float, memory: list[float], room: float) -> float:
    best = 0.0
    for size in range(1, len(layers) + 1):
        for chosen in itertools.combinations(range(len(layers)), size):
            cost = layers[chosen[0]].path + sum(layers[i].own for i in chosen)
            if cost <= budget and sum(memory[i] for i in chosen) <= room:
                best = max(best, sum(layers[i].gain for i in chosen))
    return best


def drawn(seed: int) -> tuple[list[Layer], float, list[float], float]:
    draw = random.Random(seed)
    count = draw.randrange(1, 9)
    paths = sorted((draw.uniform(0, 50) for _ in range(count)), reverse=True)
    layers = [Layer(draw.uniform(-2, 10), draw.uniform(0, 10), path) for path in paths]
    return layers, draw.uniform(0, 80), [draw.uniform(0, 10) for _ in layers], draw.uniform(0, 40)


@pytest.mark.parametrize("seed", range(300))
def test_no_set_is_better(seed: int) -> None:
    layers, budget, memory, room = drawn(seed)
    asked = []

    def fits(chosen: tuple[int, ...]) -> bool:
        asked.append(chosen)
        return sum(memory[i] for i in chosen) <= room

    choice = choose(layers, budget, fits)
    assert choice.best
    assert choice.gain == pytest.approx(best_of_all(layers, budget, memory, room))
    assert choice.gain == pytest.approx(sum(layers[i].gain for i in choice.chosen))
    if choice.chosen:
        cost = layers[choice.chosen[0]].path + sum(layers[i].own for i in choice.chosen)
        assert choice.instructions == pytest.approx(cost)
        assert cost <= budget
        assert list(choice.chosen) == sorted(choice.chosen)
        assert choice.chosen in asked
    assert len(asked) == len(set(asked))


def test_a_search_that_is_cut_short_says_so() -> None:
    layers = [Layer(1.0 + i % 3 * 0.01, 1.0 + i % 5 * 0.01, 0.0) for i in range(30)]
    choice = choose(layers, 1e9, lambda chosen: len(chosen) < 12, tries=50)
    assert not choice.best
    assert len(choice.chosen) == 11


def test_nothing_is_worth_it() -> None:
    assert choose([Layer(-1, 1, 1), Layer(0, 1, 1)], 100, lambda chosen: True) == Choice((), 0.0, 0.0, True)
    assert choose([Layer(1, 1, 100)], 100, lambda chosen: True) == Choice((), 0.0, 0.0, True)
    assert choose([], 100, lambda chosen: True) == Choice((), 0.0, 0.0, True)
