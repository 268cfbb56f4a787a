# SPDX-License-Identifier: Apache-2.0
"""From the name of a model of the zoo to a quantised one."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from groat.compiler import Model, compile_model, load
from groat.errors import InputError
from groat.evaluation import evaluate
from groat.graph.ir import Array
from groat.progress import Progress, silent
from groat.quantization import Quantization, Quantized, quantize_model
from groat.samples import Samples
from groat.zoo import entry, training
from groat.zoo.entries import Data, Entry, Split
from groat.zoo.weights import Weights, committed, read_weights, save_weights, stand_ins

CALIBRATION = 200
STAND_INS = 64
SETTLING = 16


@dataclass(frozen=True)
class Built:
    """A model of the zoo.

    Attributes:
        module: in evaluation mode.
        floats: as it was imported.
        weights: "trained" (just now, or what comes along), "random", or the name of a file.
        classes: names; empty for a model without, or if nobody named them.
        calibration: the samples that ranges were measured with, float32 [n, *shape].
        calibrated_by: what these are, for people.
        data: what was read, if anything.
        judged_by: the samples that accuracy is measured on: none that were learnt from.
    """

    entry: Entry
    module: nn.Module
    floats: Model
    quantized: Quantized
    weights: str
    classes: tuple[str, ...]
    calibration: Array = field(repr=False)
    calibrated_by: str
    data: Data | None = field(default=None, repr=False)
    judged_by: Split | None = field(default=None, repr=False)

    @property
    def parameters(self) -> int:
        """Trainable numbers of the network, normalisation included."""
        return sum(value.numel() for value in self.module.parameters())

    @property
    def metric(self) -> str:
        """How it is judged: "top1", or "mse" for a model that gives its input again."""
        return "top1" if self.entry.classes else "mse"

    @property
    def test(self) -> Samples | None:
        """What it is judged by, with labels or the input itself; None without data."""
        split = self.judged_by
        return None if split is None else Samples((split.x,), split.x if split.y is None else split.y, split.who)

    def judged(self, progress: Progress = silent) -> dict[str, Any]:
        """metric, test_samples, of (whose they are), floats and quantized: the metric of both models, on this computer;
        empty without data.  A device gives the same bytes."""
        if self.test is None:
            return {}
        found = {"floats": self._value(self.floats, progress), "quantized": self._value(self.quantized, progress)}
        return {"metric": self.metric, "test_samples": self.test.count, "of": self.test.name, **found}

    def _value(self, model: Model, progress: Progress) -> float:
        """The metric of a model on the samples that it is judged by."""
        packed = compile_model(model, "host").packed
        assert self.test is not None
        [verdict] = evaluate(lambda _: packed, self.test, ["host"], self.metric, progress)
        return verdict.value

    @property
    def report(self) -> dict[str, Any]:
        """name, task, weights, classes, parameters, calibrated_by, and what Quantized.report has."""
        own = {
            "name": self.entry.name,
            "task": self.entry.task,
            "weights": self.weights,
            "classes": list(self.classes),
            "parameters": self.parameters,
            "calibrated_by": self.calibrated_by,
        }
        return {**own, **self.quantized.report}

    def save_weights(self, path: str | os.PathLike[str]) -> None:
        """Writes an .npz for `weights`.  Raises InputError for a model that saw no data, or a place that cannot be
        written."""
        if self.data is None:
            raise InputError(f"{self.entry.name}: weights are saved with what they were trained with; expected data")
        save_weights(Path(path), self.module, self.classes, self.data.train.x)


def build(
    name: str,
    *,
    weights: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | None = None,
    train: bool = False,
    validate: bool = False,
    epochs: int | None = None,
    classes: int | None = None,
    seed: int = 0,
    quantization: Quantization | None = None,
    progress: Progress = silent,
    **choices: Any,
) -> Built:
    """Builds a model of the zoo and quantises it.

    Args:
        name: one of groat.zoo.NAMES.
        weights: a file with a state dict: an .npz of an earlier build, or what torch.save wrote; default: those that
            come along, or else random ones.
        data: where samples lie; of what kind, the module says that the model's `read` comes from.  Those for training
            are what ranges are measured with, those for the test what it is judged by.  Without data, stand-ins for
            samples are drawn.
        train: train it with the samples for training and validation, from random weights or those in `weights`.
        validate: train it with the samples for training alone, and judge by those for validation: to choose a recipe.
        epochs: of training, in place of the recipe's.
        classes: of the output, for random weights without data.
        quantization, choices: as groat.quantize.

    Raises:
        InputError: an unknown name; data or weights that cannot be read or do not fit; arguments that contradict.
        ToolchainError: PyTorch, or a package that reads the data, is missing.
        UnsupportedError: as groat.quantize: ops have no kernel of integers, unless allow_float is chosen.
    """
    chosen = entry(name)
    _check(name, chosen, data is not None, train, validate, epochs, classes)
    found = None if data is None else chosen.fitted(chosen.read(Path(data)))
    given = None
    if weights is not None:
        given = read_weights(Path(weights))
    elif not train and classes is None:
        given = committed(name)
    names, outputs = _classes(chosen, given, found, classes)
    with training.repeatable(seed):
        module = chosen.module(outputs)
    drawn = stand_ins(given, chosen.shape, STAND_INS, seed)
    if given is not None:
        given.into(module)
        kind = "trained" if weights is None else given.name
    else:
        training.settle(module, (drawn if found is None else found.train.x)[:SETTLING], chosen.order)
        kind = "random"
    if train:
        assert found is not None
        recipe = chosen.recipe if epochs is None else replace(chosen.recipe, epochs=epochs)
        split = found.train if validate else found.train + found.validation
        training.train(module, split, chosen.order, recipe, seed, progress)
        kind = "trained"
    module.eval()
    samples, by = drawn, f"{STAND_INS} stand-ins for samples: noise"
    if found is not None:
        x = found.train.x
        samples = x[np.sort(np.random.default_rng(seed).permutation(len(x))[:CALIBRATION])]
        by = f"{len(samples)} samples of {found.train.who}"
    elif given is not None and given.inputs is not None:
        by = f"{STAND_INS} stand-ins for samples, drawn from the mean and the components of those for training"
    floats = load(module, torch.zeros(1, *chosen.shape).permute(chosen.order))
    quantized = quantize_model(floats, samples, quantization, progress=progress, **choices)
    judged_by = None if found is None else found.validation if validate else found.test
    return Built(chosen, module, floats, quantized, kind, names, samples, by, found, judged_by)


def _check(
    name: str, chosen: Entry, data: bool, train: bool, validate: bool, epochs: int | None, classes: int | None
) -> None:
    """InputError for arguments that contradict each other."""
    if train and not data:
        raise InputError(f"{name}: to train takes data; expected its path")
    if (validate or epochs is not None) and not train:
        raise InputError(f"{name}: {'validate' if validate else 'epochs'} is for training; expected train as well")
    if epochs is not None and epochs < 1:
        raise InputError(f"{name}: epochs is {epochs}; expected 1 at least")
    if classes is None:
        return
    if data:
        raise InputError(f"{name}: classes is {classes}, beside data, which has classes of its own; give one of both")
    if not chosen.classes or classes < 1:
        expected = "1 at least" if chosen.classes else "none: this model has no classes"
        raise InputError(f"{name}: classes is {classes}; expected {expected}")


def _classes(
    chosen: Entry, given: Weights | None, found: Data | None, classes: int | None
) -> tuple[tuple[str, ...], int]:
    """Names of the classes, if anybody named them, and how many there are."""
    if not chosen.classes:
        return (), 0
    if found is None:
        names = () if given is None or given.classes is None else given.classes
        return (names, classes or len(names) or chosen.classes)
    if given is not None and given.classes is not None and given.classes != found.classes:
        raise InputError(
            f"{given.name} has the classes {', '.join(given.classes)}; the data has {', '.join(found.classes)}; train "
            "without these weights, or give data with the same classes"
        )
    return found.classes, len(found.classes)
