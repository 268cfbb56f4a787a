# SPDX-License-Identifier: Apache-2.0
"""A scheme for each layer, so that as little as possible is lost under bounds of flash, RAM, weights and instructions.

What a layer loses with a scheme is measured: it alone is quantised so, all else stays float, and the noise that its
outputs bring to the model's is divided by their signal (sums of squares over the samples; before a last softmax, which
hides what is lost).  Noises of layers are taken to add up.  What it costs is known from the packed model.  The choice
is an integer programme, which OR-tools' CP-SAT solves.  What is chosen is then compiled; where it breaks a bound after
all, since an arena is no sum over layers, the programme is told and asked again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from groat.batches import Recorder
from groat.compiler import Compiled, Model, compile_model
from groat.errors import FitError, InputError
from groat.graph import Graph
from groat.graph.ir import Array
from groat.inputs import lcg_inputs
from groat.ops.base import Unsupported
from groat.options import Options, parse_size
from groat.planner import require_solver
from groat.progress import Progress, silent
from groat.quantization.convert import describe
from groat.quantization.pipeline import Prepared, Quantized, layers_of, schemes_of
from groat.quantization.schemes import ACTIVATIONS, FLOAT, WEIGHT_BITS
from groat.runners import open_runner
from groat.samples import reals

JUDGED = 64  # samples that losses are measured with, at most
ROUNDS = 12  # choices that are compiled before giving up
POINTS = 10  # of the trade-off
UNITS = 10**9  # of a loss of 1


@dataclass(frozen=True)
class Budget:
    """Bounds of a mixture; None: no bound.

    Attributes:
        flash: bytes that the packed model may take.
        ram: bytes that the arena may take.
        weights: bytes of all weights, or a share of what they take as int8, such as "60%".
        instructions: of an inference, measured on the emulated target.
        target: what it is compiled for.
    """

    flash: int | None = None
    ram: int | None = None
    weights: int | str | None = None
    instructions: int | None = None
    target: str = "cortex-m4"

    def weights_bytes(self, int8: int) -> int | None:
        """The bound of weights; InputError for a text that is none."""
        if not isinstance(self.weights, str):
            return self.weights
        if not self.weights.endswith("%"):
            return parse_size(self.weights)
        try:
            share = float(self.weights[:-1])
        except ValueError:
            share = math.nan
        if not 0 < share <= 100:
            raise InputError(f"weights is {self.weights!r}; expected bytes, or a percentage of int8's such as 60%")
        return int(int8 * share / 100)


@dataclass(frozen=True)
class Choice:
    """One scheme of one layer.

    Attributes:
        position: of the layer in the prepared graph.
        loss: noise over signal at the model's outputs.
        weights_bytes: of its integers alone; flash_bytes: of all its constants in the packed model.
        instructions: None unless they are bound.
    """

    position: int
    scheme: str
    loss: float
    weights_bytes: int
    flash_bytes: int
    instructions: int | None


@dataclass(frozen=True, kw_only=True)
class Mixed(Quantized):
    """A model with a scheme for each layer.

    Attributes:
        expected_loss: the sum of losses of what was chosen.
        choices: all that there was to choose from.
        pareto: [{weights_bytes, expected_snr_db}]: what fewer bytes of weights cost, all other bounds left out.
    """

    expected_loss: float
    choices: tuple[Choice, ...]
    pareto: tuple[Mapping[str, float], ...]

    @property
    def report(self) -> dict[str, Any]:
        """That of Quantized, with expected_snr_db, choices and pareto."""
        names = {layer.position: layer.name for layer in self.layers}
        return {
            **super().report,
            "expected_snr_db": decibels(self.expected_loss),
            "choices": [
                {
                    "name": names[choice.position],
                    "scheme": choice.scheme,
                    "snr_db": decibels(choice.loss),
                    "weights_bytes": choice.weights_bytes,
                    "flash_bytes": choice.flash_bytes,
                    "instructions": choice.instructions,
                }
                for choice in self.choices
            ],
            "pareto": [dict(point) for point in self.pareto],
        }


def decibels(loss: float) -> float:
    """The signal-to-noise ratio of a loss; at most 200."""
    return -10 * math.log10(max(loss, 1e-20))


def mixed(
    prepared: Prepared,
    source: Model,
    overrides: Mapping[str, str],
    budget: Budget,
    progress: Progress = silent,
) -> Mixed:
    """The best mixture under a budget.

    Args:
        overrides: name or index of a layer -> its scheme: nothing is chosen there.

    Raises:
        InputError: no bound at all, one that is none, or OR-tools is missing.
        FitError: no choice keeps the bounds.
    """
    require_solver("scheme is 'mixed'", "choose another scheme")
    graph = prepared.graph
    if all(bound is None for bound in (budget.flash, budget.ram, budget.weights, budget.instructions)):
        raise InputError("scheme mixed needs a bound: flash, ram, weights or instructions")
    schemes = schemes_of(graph, replace(prepared.options, scheme="int8"), overrides)
    fixed = {position for position in schemes if _is_fixed(graph, position, overrides)}
    free = [p for p in layers_of(graph) if schemes[p] != FLOAT and p not in fixed]
    choices = _choices(prepared, source, schemes, free, budget, progress)
    programme = _Programme(choices)
    int8 = prepared.quantized(schemes, source)
    limit = budget.weights_bytes(int8.weights_bytes)
    whole = _compiled(int8, budget)
    constants = {c.position: c.flash_bytes for c in choices if c.scheme == "int8"}
    # What is not chosen takes the same in all choices, nearly.
    rest = len(whole.packed) - sum(constants.values())
    others = int8.weights_bytes - sum(c.weights_bytes for c in choices if c.scheme == "int8")
    spent = sum(c.instructions or 0 for c in choices if c.scheme == "int8")
    walk = 0 if budget.instructions is None else _instructions(whole, budget.target)[0] - spent
    bounds = {
        "weights_bytes": None if limit is None else limit - others,
        "flash_bytes": None if budget.flash is None else budget.flash - rest,
        "instructions": None if budget.instructions is None else budget.instructions - walk,
    }
    pareto = _pareto(programme, others)
    for _ in range(ROUNDS):
        picked = programme.solve(bounds)
        if picked is None:
            break
        named = {**overrides, **{str(position): choice.scheme for position, choice in picked.items()}}
        chosen = schemes_of(graph, replace(prepared.options, scheme="int8"), named)
        made = prepared.quantized(chosen, source)
        compiled = _compiled(made, budget)
        over_flash = 0 if budget.flash is None else len(compiled.packed) - budget.flash
        over_ram = 0 if budget.ram is None else compiled.plan.arena_bytes - budget.ram
        slow = 0
        if budget.instructions is not None:
            slow = _instructions(compiled, budget.target)[0] - budget.instructions
        if over_flash <= 0 and over_ram <= 0 and slow <= 0:
            values = {each.name: getattr(made, each.name) for each in fields(made)}
            return Mixed(
                **values,
                expected_loss=sum(choice.loss for choice in picked.values()),
                choices=tuple(choices),
                pareto=pareto,
            )
        if over_flash > 0 and bounds["flash_bytes"] is not None:
            bounds["flash_bytes"] -= over_flash
        if slow > 0 and bounds["instructions"] is not None:
            bounds["instructions"] -= slow
        if over_ram > 0 and not programme.with_fewer_wide_layers(picked):
            break
    least = min(
        (
            _compiled(prepared.quantized({**schemes, **dict.fromkeys(free, s)}, source), budget)
            for s in ("int8", "w4a8")
        ),
        key=lambda compiled: len(compiled.packed),
    )
    raise FitError(
        f"{graph.name}: no mixture keeps {_text(budget)}; the smallest takes {len(least.packed):,} bytes of flash and "
        f"{least.plan.arena_bytes:,} bytes of RAM"
    )


def _text(budget: Budget) -> str:
    bounds = {name: getattr(budget, name) for name in ("flash", "ram", "weights", "instructions")}
    return ", ".join(f"{name} {value}" for name, value in bounds.items() if value is not None)


def _is_fixed(graph: Graph, position: int, overrides: Mapping[str, str]) -> bool:
    name = graph.tensors[graph.ops[position].outputs[0]].name
    return any(text in (name, name.split(";")[0], str(position)) for text in overrides)


def _compiled(made: Quantized, budget: Budget) -> Compiled:
    return compile_model(made, budget.target, options=Options(optimize="size" if budget.flash else "balanced"))


# ---- What there is to choose from ---------------------------------------------------------------------------


def _choices(
    prepared: Prepared,
    source: Model,
    schemes: Mapping[int, str],
    free: Sequence[int],
    budget: Budget,
    progress: Progress,
) -> list[Choice]:
    """All choices of all free layers."""
    graph, judge = prepared.graph, _Judge(prepared)
    costs = {
        scheme: _costs(prepared.quantized({**schemes, **dict.fromkeys(free, scheme)}, source), budget)
        for scheme in ACTIVATIONS
        if all(_has_kernel(graph, position, scheme) for position in free)
    }
    found: list[Choice] = []
    count = len(free) * len(costs)
    for position in free:
        op = graph.ops[position]
        weights = graph.tensors[op.inputs[1]].elements
        for scheme, of_layers in costs.items():
            progress("losses of layers", len(found), count)
            loss = judge.loss(position, scheme, source)
            flash, instructions = of_layers[op.index]
            nbytes = (weights * WEIGHT_BITS[scheme] + 7) // 8
            found.append(Choice(position, scheme, loss, nbytes, flash, instructions))
    return found


def _has_kernel(graph: Graph, position: int, scheme: str) -> bool:
    try:
        describe(graph, graph.ops[position], scheme)
    except Unsupported:
        return False
    return True


def _costs(made: Quantized, budget: Budget) -> dict[int, tuple[int, int | None]]:
    """Index of a layer in the model -> (bytes of its constants, instructions)."""
    compiled = _compiled(made, budget)
    steps = None if budget.instructions is None else _instructions(compiled, budget.target)[1]
    rows = compiled.report["layers"]
    return {
        op.index: (row["packed_bytes"], None if steps is None else steps[step])
        for step, (op, row) in enumerate(zip(compiled.graph.ops, rows, strict=True))
        if row["packed_bytes"] is not None
    }


def _instructions(compiled: Compiled, target: str) -> tuple[int, Sequence[int]]:
    """Of an inference and of each step, on the emulated target."""
    with open_runner(f"qemu:{target}", compiled.packed) as runner:
        found = runner.profile(lcg_inputs(runner.model.inputs))
    return found.instructions, found.step_instructions


class _Judge:
    """Measures what one layer loses."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        graph = prepared.graph
        self._samples = [array[:JUDGED] for array in prepared.samples]
        self._judged = [self._before_softmax(graph, number) for number in graph.outputs]
        self._expected = self._run(graph)

    @staticmethod
    def _before_softmax(graph: Graph, number: int) -> int:
        op = graph.producer(number)
        return op.inputs[0] if op is not None and op.kind == "softmax_float32" else number

    def _run(self, graph: Graph) -> list[Array]:
        """What is judged, as the graph computes it, in real numbers."""
        runs = Recorder(graph, self._judged).run(self._samples)
        parts = [[reals(values[n], graph.tensors[n]) for n in self._judged] for _, values in runs]
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    def loss(self, position: int, scheme: str, source: Model) -> float:
        """Noise over signal, with only this layer quantised."""
        graph = self._prepared.graph
        schemes = dict.fromkeys(range(len(graph.ops)), FLOAT) | {position: scheme}
        made = self._prepared.quantized(schemes, source).graph
        pairs = zip(self._expected, self._run(made), strict=True)
        return sum(float(np.sum((a - b) ** 2) / max(np.sum(a**2), 1e-30)) for a, b in pairs)


# ---- The integer programme ----------------------------------------------------------------------------------


class _Programme:
    """Chooses one scheme for each layer."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        self._choices = choices
        self._most_wide: int | None = None  # layers of 16 bits, at most

    def with_fewer_wide_layers(self, picked: Mapping[int, Choice]) -> bool:
        """From now on fewer layers of 16 bits than these; False if there are none."""
        wide = sum(choice.scheme == "16x8" for choice in picked.values())
        self._most_wide = wide - 1
        return wide > 0

    def solve(self, bounds: Mapping[str, int | None]) -> dict[int, Choice] | None:
        """Position -> the choice with which the sum of losses is least; None if no set keeps the bounds.

        Args:
            bounds: name of a field of Choice -> its largest sum.
        """
        from ortools.sat.python import cp_model

        model = cp_model.CpModel()
        taken = [model.new_bool_var("") for _ in self._choices]
        pairs = list(zip(self._choices, taken, strict=True))
        for position in dict.fromkeys(choice.position for choice in self._choices):
            model.add_exactly_one(var for choice, var in pairs if choice.position == position)
        for name, bound in bounds.items():
            if bound is None:
                continue
            costs = [getattr(choice, name) for choice in self._choices]
            if any(cost is None for cost in costs):
                raise InputError(f"{name} of these layers are not known for this target: bound something else")
            model.add(sum(cost * var for cost, var in zip(costs, taken, strict=True)) <= bound)
        if self._most_wide is not None:
            model.add(sum(var for choice, var in pairs if choice.scheme == "16x8") <= self._most_wide)
        model.minimize(sum(round(choice.loss * UNITS) * var for choice, var in pairs))
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 1
        solver.parameters.max_deterministic_time = 10.0
        if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None
        return {choice.position: choice for choice, var in pairs if solver.value(var)}


def _pareto(programme: _Programme, others: int) -> tuple[Mapping[str, float], ...]:
    """What fewer bytes of weights cost, from the most to the fewest."""
    points: list[Mapping[str, float]] = []
    free = programme.solve({})
    smallest = programme.solve({"weights_bytes": _least_bytes(programme)})
    if free is None or smallest is None:
        return ()
    most, least = (sum(c.weights_bytes for c in picked.values()) for picked in (free, smallest))
    for bound in dict.fromkeys(int(b) for b in np.linspace(most, least, POINTS)):
        picked = programme.solve({"weights_bytes": bound})
        if picked is None:
            continue
        nbytes = sum(choice.weights_bytes for choice in picked.values()) + others
        loss = sum(choice.loss for choice in picked.values())
        if not points or nbytes < points[-1]["weights_bytes"]:
            points.append({"weights_bytes": nbytes, "expected_snr_db": decibels(loss)})
    return tuple(points)


def _least_bytes(programme: _Programme) -> int:
    least: dict[int, int] = {}
    for choice in programme._choices:
        least[choice.position] = min(choice.weights_bytes, least.get(choice.position, choice.weights_bytes))
    return sum(least.values())
