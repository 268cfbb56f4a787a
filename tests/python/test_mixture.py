# SPDX-License-Identifier: Apache-2.0
"""A scheme for each layer, under a budget."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.command import Groat
from tests.support.float_nets import LINEAR, Net

import groat
from groat.errors import FitError, InputError
from groat.graph import Graph
from groat.quantization.mixture import Choice, Mixed, _Programme

pytest.importorskip("ortools", reason="needs OR-tools, which solves integer programmes")
RNG = np.random.default_rng(26)
SAMPLES = RNG.standard_normal((24, 6, 6, 3)).astype(np.float32)


def network() -> Graph:
    net = Net((6, 6, 3), 5)
    net.conv(8)
    net.depthwise()
    net.conv(16, 1)
    net.conv(4, 1, act=LINEAR)
    net.dense(5)
    return net.graph("mixed")


def mixed(**bounds: Any) -> Mixed:
    made = groat.quantize(network(), SAMPLES, scheme="mixed", budget=groat.Budget(**{"target": "host", **bounds}))
    assert isinstance(made, Mixed)
    return made


def test_bounds_are_kept_and_less_room_costs_more() -> None:
    int8 = groat.quantize(network(), SAMPLES)
    losses = []
    for percent in (100, 80, 60, 51):
        made = mixed(weights=f"{percent}%")
        assert made.weights_bytes <= int8.weights_bytes * percent / 100
        losses.append(made.expected_loss)
    assert losses == sorted(losses)
    assert losses[0] < losses[-1]
    assert {layer.scheme for layer in mixed(weights="51%").layers if layer.rounding} >= {"w4a8"}


def test_what_is_expected_is_about_what_comes() -> None:
    made = mixed(weights="75%")
    floats, found = groat.compile(network()), groat.compile(made)
    pairs = [(floats.run(x[np.newaxis]), found.run(x[np.newaxis])) for x in SAMPLES]
    signal, noise = (
        sum(float(np.sum(v**2)) for v in values) for values in ([a for a, _ in pairs], [a - b for a, b in pairs])
    )
    assert made.expected_loss / 4 < noise / signal < made.expected_loss * 4


def test_flash_and_ram_are_bounds_of_what_is_compiled() -> None:
    wide = groat.compile(groat.quantize(network(), SAMPLES, scheme="16x8"), target="host")
    narrow = groat.compile(groat.quantize(network(), SAMPLES), target="host")
    assert wide.plan.arena_bytes > narrow.plan.arena_bytes
    made = groat.compile(mixed(ram=narrow.plan.arena_bytes + 64), target="host")
    assert made.plan.arena_bytes <= narrow.plan.arena_bytes + 64
    flash = (
        len(groat.compile(groat.quantize(network(), SAMPLES, scheme="w4a8"), target="host", optimize="size").packed)
        + 300
    )
    assert len(groat.compile(mixed(flash=flash), target="host", optimize="size").packed) <= flash


def test_budgets_that_nothing_keeps_are_told() -> None:
    with pytest.raises(FitError, match=r"no mixture keeps flash 100; the smallest takes [\d,]+ bytes of flash"):
        mixed(flash=100)
    with pytest.raises(FitError, match="no mixture keeps weights 10%"):
        mixed(weights="10%")
    with pytest.raises(FitError, match="no mixture keeps ram 10"):
        mixed(ram=10)
    with pytest.raises(InputError, match="needs a bound"):
        mixed()
    for text in ("0%", "many%", "120%"):
        with pytest.raises(InputError, match="expected bytes, or a percentage"):
            mixed(weights=text)


def test_layers_that_are_given_stay_as_they_are() -> None:
    budget = groat.Budget(weights="80%", target="host")
    made = groat.quantize(network(), SAMPLES, scheme="mixed", budget=budget, layers={"0": "int8", "2": "w4a8"})
    assert isinstance(made, Mixed)
    assert [made.layers[i].scheme for i in (0, 2)] == ["int8", "w4a8"]
    assert {choice.position for choice in made.choices}.isdisjoint({0, 2})


def test_the_programme_finds_the_best_of_all_sets() -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        choices = [
            Choice(position, scheme, float(rng.random() ** 4), int(rng.integers(1, 50)), int(rng.integers(1, 50)), None)
            for position in range(4)
            for scheme in ("int8", "w4a8", "16x8")
        ]
        bounds = {"weights_bytes": int(rng.integers(30, 120)), "flash_bytes": int(rng.integers(30, 120))}
        best = math.inf
        for picked in itertools.product(*([c for c in choices if c.position == p] for p in range(4))):
            if all(sum(getattr(c, name) for c in picked) <= bound for name, bound in bounds.items()):
                best = min(best, sum(c.loss for c in picked))
        found = _Programme(choices).solve(bounds)
        if found is None:
            assert best == math.inf
        else:
            assert sum(c.loss for c in found.values()) == pytest.approx(best, abs=1e-8)


@pytest.mark.qemu
def test_instructions_are_a_bound() -> None:
    made = mixed(instructions=10**9, target="cortex-m4")
    assert all(choice.instructions for choice in made.choices)
    least = sum(
        min(c.instructions or 0 for c in made.choices if c.position == position)
        for position in {c.position for c in made.choices}
    )
    with pytest.raises(FitError, match="no mixture keeps instructions"):
        mixed(instructions=least // 2, target="cortex-m4")


def test_the_command_draws_the_trade_off(groat_command: Groat, tmp_path: Path) -> None:
    from tools.tflite_builder import Builder

    m = Builder()
    x = m.input((1, 6, 6, 3), "float32", name="image")
    weights = RNG.normal(0, 0.3, (8, 3, 3, 3)).astype(np.float32)
    y = m.reshape(m.conv_2d(x, weights, np.zeros(8, np.float32), None, None, name="conv"), (1, 288))
    dense = RNG.normal(0, 0.1, (4, 288)).astype(np.float32)
    model, data, plot = tmp_path / "m.tflite", tmp_path / "d.npz", tmp_path / "mixtures.svg"
    model.write_bytes(m.build([m.fully_connected(y, dense, np.zeros(4, np.float32), None, None, name="dense")]))
    np.savez(data, x=SAMPLES)
    flags = ["--calib", data, "--target", "host", "-o", tmp_path / "m.groat"]
    report = groat_command.json("quantize", model, *flags, "--scheme", "mixed", "--weights", "70%", "--plot", plot)
    assert report["scheme"] == "mixed"
    assert report["weights_bytes"] <= 0.7 * (8 * 27 + 4 * 288)
    assert len(report["choices"]) == 6
    sizes = [point["weights_bytes"] for point in report["pareto"]]
    assert sizes == sorted(sizes, reverse=True)
    assert plot.read_text().startswith("<svg")
    error = groat_command.fails(2, "quantize", model, *flags, "--weights", "70%", "--plot", plot)
    assert "--weights and --plot are for --scheme mixed" in error
