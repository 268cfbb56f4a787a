# SPDX-License-Identifier: Apache-2.0
"""What to train where not everything fits: the set of layers that helps most under bounds of RAM and work.

The benefit of a layer is measured: it alone is trained on this host for some steps, and what the loss on other samples
falls by is its benefit (contribution analysis; Lin et al., "On-Device Training Under 256KB Memory", 2022).  Benefits
are taken to add up.  Costs are those of the compiled step.  A set is chosen by a knapsack over layers from each first
layer on, since the gradients of activations down to that one are paid once, and then compiled; where it does not fit
after all, the bound of the knapsack is lowered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from groat.compiler import Compiled, Model, compile_model
from groat.errors import FitError, InputError
from groat.graph import Graph
from groat.ops import macs_of, op_def
from groat.passes import run_passes
from groat.progress import Progress, silent
from groat.runners.base import Array
from groat.train.choice import BIAS_ONLY, layers_of
from groat.train.loop import Data
from groat.train.options import Train

BUCKETS = 64  # into which each bound is divided for the knapsack
ROUNDS = 8  # sets that are compiled before giving up


@dataclass(frozen=True)
class Choice:
    """One way to train one layer.

    Attributes:
        text: as groat.Train has it.
        layer: its position among the layers with weights.
        benefit: by how much the loss on test samples falls.
        parameter_bytes: what it keeps in RAM.
        update_macs: multiply-accumulates of the gradients of its parameters.
    """

    text: str
    layer: int
    benefit: float
    parameter_bytes: int
    update_macs: int


@dataclass(frozen=True)
class TrainPlan:
    """The best set that fits.

    Attributes:
        chosen: what groat.Train takes as `layers`.
        benefit: the sum of benefits.
        arena_bytes, step_macs: of the compiled step.
        choices: all that there was to choose from.
    """

    chosen: tuple[str, ...]
    benefit: float
    arena_bytes: int
    step_macs: int
    choices: tuple[Choice, ...]

    @property
    def report(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "layers": list(self.chosen),
            "benefit": self.benefit,
            "arena_bytes": self.arena_bytes,
            "step_macs": self.step_macs,
            "choices": [
                {
                    "name": choice.text,
                    "benefit": choice.benefit,
                    "parameter_bytes": choice.parameter_bytes,
                    "update_macs": choice.update_macs,
                    "chosen": choice.text in self.chosen,
                }
                for choice in self.choices
            ],
        }


def plan_training(
    model: Model | Graph,
    data: Data,
    target: str = "host",
    train: Train | None = None,
    *,
    ram: int | None = None,
    macs: int | None = None,
    lr: float = 0.01,
    steps: int = 100,
    seed: int = 0,
    progress: Progress = silent,
) -> TrainPlan:
    """Chooses what to train.

    Args:
        train: optimizer, loss and type; its `layers` and `accumulate` are not looked at.
        ram: bytes that the arena may take.
        macs: multiply-accumulates that a step may take, forward and backward.
        lr: learning rate of the measurements.
        steps: of each measurement; samples are drawn by numpy.random.default_rng(seed).

    Raises:
        InputError: no bound, no test samples, or a model that cannot be trained.
        FitError: not even the cheapest choice fits.
    """
    train = replace(train if train is not None else Train(), accumulate=1)  # each step of a measurement counts
    if ram is None and macs is None:
        raise InputError("train-plan needs a bound: ram, macs, or both")
    if train.algorithm != "backprop":
        raise InputError(f'train-plan judges layers by the one loss of "backprop"; algorithm is {train.algorithm!r}')
    if len(data.x_test) == 0:
        raise InputError("train-plan judges layers by test samples: the data need x_test and y_test")
    choices = _measure(model, data, train, lr, steps, seed, progress)
    useful = [choice for choice in choices if choice.benefit > 0]
    if not useful:
        raise InputError(f"no layer made the loss fall in {steps} steps; try another learning rate, or more steps")
    best: TrainPlan | None = None
    first_layers = sorted({choice.layer for choice in useful})
    for done, first in enumerate(first_layers):
        progress("choosing layers", done, len(first_layers))
        found = _from(model, [c for c in useful if c.layer >= first], first, target, train, ram, macs)
        if found is not None and (best is None or found.benefit > best.benefit):
            best = replace(found, choices=tuple(choices))
    if best is None:
        least = min(useful, key=lambda choice: (-choice.layer, choice.parameter_bytes))
        compiled = _compiled(model, [least.text], target, train)
        raise FitError(
            f"no layer can be trained with these bounds: {least.text!r} alone takes {compiled.plan.arena_bytes:,} "
            f"bytes and {_step_macs(compiled):,} multiply-accumulates"
        )
    return best


def _compiled(model: Model | Graph, layers: Sequence[str], target: str, train: Train) -> Compiled:
    return compile_model(model, target, train=replace(train, layers=tuple(layers)))


def _step_macs(compiled: Compiled) -> int:
    program = next(p for p in compiled.graph.programs if p.name == "train_step")
    return sum(macs_of(compiled.graph, op) for op in compiled.graph.ops_of(program))


def _measure(
    model: Model | Graph, data: Data, train: Train, lr: float, steps: int, seed: int, progress: Progress
) -> list[Choice]:
    """Each layer, and each bias alone, trained by itself."""
    graph = run_passes(model.graph if isinstance(model, Model) else model, floats=train.floats)
    order = np.random.default_rng(seed).integers(len(data.x), size=steps)
    judged = np.random.default_rng(seed + 1).permutation(len(data.x_test))[:steps]
    experiment = _Experiment(model, data, train, order, judged, lr)
    texts = []
    for layer, position in enumerate(layers_of(graph, train.dtype)):
        op = graph.ops[position]
        name = graph.tensors[op.outputs[0]].name
        has_bias = op_def(op.kind).trainable[-1] < len(op.inputs)
        texts += [(layer, op, name), *([(layer, op, name + BIAS_ONLY)] if has_bias else [])]
    found = []
    for done, (layer, op, text) in enumerate(texts):
        progress(f"training {text} alone", done, len(texts))
        states = _compiled(model, [text], "host", train).graph.states.values()
        nbytes = sum(state.initial.nbytes for state in states if state.trained)
        macs = 0 if text.endswith(BIAS_ONLY) else macs_of(graph, op)
        found.append(Choice(text, layer, experiment.benefit(text), nbytes, macs))
    return found


@dataclass(frozen=True)
class _Experiment:
    """How layers are measured.

    Attributes:
        order: the samples of the steps, in their order.
        judged: the test samples.
    """

    model: Model | Graph
    data: Data
    train: Train
    order: Array
    judged: Array
    lr: float

    def benefit(self, text: str) -> float:
        """What the mean loss on test samples falls by, if one layer is trained; minus infinity if it diverges."""
        try:
            with _compiled(self.model, [text], "host", self.train).on("host") as learner:
                for index in self.order:
                    learner.trainer.step(self.data.x[index], self.data.y[index], self.lr)
                return self.loss(text) - self.loss(text, learner.parameters())
        except InputError:
            return float("-inf")

    def loss(self, text: str, parameters: Mapping[str, Array] | None = None) -> float:
        """The mean loss of the test samples, with some parameters or the model's own.

        It is what steps say whose rate is lost in rounding, in a model of its own: what learns never sees these
        samples.
        """
        with _compiled(self.model, [text], "host", replace(self.train, optimizer="sgd")).on("host") as judge:
            if parameters is not None:
                judge.set_parameters(parameters)
            results = judge.trainer.steps(self.data.x_test[self.judged], self.data.y_test[self.judged], TINY)
            return float(np.mean([result.loss for result in results]))


TINY = 1e-30
"""A learning rate whose updates are lost in rounding."""


def _from(
    model: Model | Graph,
    choices: Sequence[Choice],
    first: int,
    target: str,
    train: Train,
    ram: int | None,
    macs: int | None,
) -> TrainPlan | None:
    """The best set whose first layer is `first`; None if none fits."""
    own = [choice for choice in choices if choice.layer == first]
    cheapest = min(own, key=lambda choice: (choice.parameter_bytes, choice.update_macs))
    base = _compiled(model, [cheapest.text], target, train)
    room_ram = None if ram is None else ram - base.plan.arena_bytes + cheapest.parameter_bytes
    room_macs = None if macs is None else macs - _step_macs(base) + cheapest.update_macs
    for _ in range(ROUNDS):
        if (room_ram is not None and room_ram < 0) or (room_macs is not None and room_macs < 0):
            return None
        picked = knapsack(choices, first, room_ram, room_macs)
        if not picked:
            return None
        texts = tuple(choice.text for choice in picked)
        compiled = _compiled(model, texts, target, train)
        arena, work = compiled.plan.arena_bytes, _step_macs(compiled)
        if (ram is None or arena <= ram) and (macs is None or work <= macs):
            return TrainPlan(texts, sum(choice.benefit for choice in picked), arena, work, ())
        if ram is not None and room_ram is not None and arena > ram:
            room_ram -= max(arena - ram, room_ram // BUCKETS + 1)
        if macs is not None and room_macs is not None and work > macs:
            room_macs -= max(work - macs, room_macs // BUCKETS + 1)
    return None


def knapsack(choices: Sequence[Choice], first: int, ram: int | None, macs: int | None) -> list[Choice]:
    """At most one choice of each layer, and one of layer `first`, with the largest sum of benefits.

    Costs are rounded up to 1/64 of their bound, so that what is chosen keeps to it.
    """
    layers = sorted({choice.layer for choice in choices})
    units = [BUCKETS if bound is not None else 0 for bound in (ram, macs)]

    def cost(choice: Choice) -> tuple[int, int]:
        pairs = ((choice.parameter_bytes, ram), (choice.update_macs, macs))
        found = [0 if bound is None else -(-value * BUCKETS // max(bound, 1)) for value, bound in pairs]
        return found[0], found[1]

    # What is used -> (benefit, choices).
    states: dict[tuple[int, int], tuple[float, tuple[Choice, ...]]] = {(0, 0): (0.0, ())}
    for layer in layers:
        following = {} if layer == first else dict(states)
        for used, (benefit, picked) in states.items():
            for choice in choices:
                if choice.layer != layer:
                    continue
                extra = cost(choice)
                total = (used[0] + extra[0], used[1] + extra[1])
                better = benefit + choice.benefit
                if all(t <= unit or unit == 0 for t, unit in zip(total, units, strict=True)) and (
                    total not in following or following[total][0] < better
                ):
                    following[total] = (better, (*picked, choice))
        states = following
    return list(max(states.values(), key=lambda found: found[0])[1]) if states else []
