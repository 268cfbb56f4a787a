# SPDX-License-Identifier: Apache-2.0
"""Steps of training on whatever runs the model: this host, an emulator, a board."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError
from groat.ops.loss import RATE, REFUSED
from groat.pack.reader import TensorInfo
from groat.runners import BaseRunner
from groat.runners.base import Array


@dataclass(frozen=True)
class StepResult:
    """What a step of training did.

    Attributes:
        loss: of the sample, before the step.
        applied: False if a gradient overflowed float16: then nothing was changed from there on, and the loss scale was
            halved.
    """

    loss: float
    applied: bool


class Trainer:
    """The programs of training of an open model.

    The runner is shared: whoever uses it selects the program that is wanted.
    """

    def __init__(self, runner: BaseRunner) -> None:
        """Raises InputError if the model was not compiled to be trained."""
        self._runner = runner
        self._model = runner.model
        if "train_step" not in [program.name for program in runner.model.programs]:
            raise InputError("the model has no program train_step; compile it with train=groat.Train(...)")

    def step(self, x: ArrayLike, y: ArrayLike, lr: float) -> StepResult:
        """One step of training, as Session.train_step."""
        return self.steps([x], [y], lr)[0]

    def steps(self, x: Sequence[ArrayLike] | Array, y: Sequence[ArrayLike] | Array, lr: float) -> list[StepResult]:
        """Steps of training one after the other, as Session.train_step, sent to the device together.

        What can be known of all samples is checked before the first step.  Raises InputError also if one of the steps
        was refused; the others were run.
        """
        rate = learning_rate(lr)
        if len(x) != len(y):
            raise InputError(f"there are {len(x)} inputs and {len(y)} labels; expected as many")
        if len(x) == 0:
            return []
        self._runner.select("train_step")
        inputs = self._runner.model.inputs
        images = [as_input(value, inputs[0]) for value in x]
        labelled = inputs[1].name == "label"
        targets = [_labels(v, inputs[1], self._classes) if labelled else as_input(v, inputs[1]) for v in y]
        losses, steps = self._runner.run_batch([np.stack(images), np.stack(targets), np.stack([rate] * len(images))])
        pairs = zip(losses, steps, strict=True)
        return [StepResult(float(loss[0]), self._check(float(loss[0]), step)) for loss, step in pairs]

    def apply(self, lr: float) -> None:
        """Applies the gradients that steps have accumulated; only of models compiled with accumulate > 1."""
        rate = learning_rate(lr)
        self._runner.select("apply")
        self._runner.run([rate])

    @property
    def _classes(self) -> int:
        program = next(program for program in self._model.programs if program.name == "infer")
        return int(program.outputs[0].shape[-1])

    @staticmethod
    def _check(loss: float, step: Array) -> bool:
        """Whether parameters were changed; InputError if the step was refused."""
        if step[REFUSED] != 0 or not math.isfinite(loss):
            raise InputError(
                f"the loss is {loss}: the step was refused and no parameter changed; the parameters, or the input, "
                "are too large for the type they are stored in: try a lower learning rate, or dtype fp32"
            )
        return bool(step[RATE] != 0)


def learning_rate(lr: float) -> Array:
    """As the input of a program; InputError unless it is positive and finite."""
    value = np.float32(lr)
    if not (np.isfinite(value) and value > 0):
        raise InputError(f"the learning rate is {lr}; expected a positive number")
    return np.array([value], np.float32)


def as_input(value: ArrayLike, info: TensorInfo) -> Array:
    """Input or target as the program takes it: InputError for another shape, or what is not finite."""
    array = np.asarray(value)
    if array.shape == tuple(info.shape)[1:] and info.shape[:1] == (1,):
        array = array[np.newaxis]
    if array.shape != tuple(info.shape):
        raise InputError(f"{info.name or 'the input'} has shape {array.shape}; expected {tuple(info.shape)}")
    if array.dtype.kind not in "fiu" or (np.dtype(info.dtype).kind != "f" and array.dtype != info.dtype):
        raise InputError(f"{info.name or 'the input'} is {array.dtype}; expected {info.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"{info.name or 'the input'} holds infinite values, or some that are not numbers")
    return array.astype(info.dtype)


def _labels(value: ArrayLike, info: TensorInfo, classes: int) -> Array:
    """Labels as the program takes them: InputError for classes that do not exist."""
    labels = np.asarray(value)
    if labels.dtype.kind not in "iu" or labels.size != math.prod(info.shape):
        raise InputError(
            f"the label is {labels.dtype}{list(labels.shape)}; expected {math.prod(info.shape)} whole number(s)"
        )
    if labels.min() < 0 or labels.max() >= classes:
        wrong = next(int(label) for label in labels.ravel() if not 0 <= label < classes)
        raise InputError(f"label {wrong} is out of range; the model has {classes} classes: 0 to {classes - 1}")
    return labels.astype(np.int32).reshape(info.shape)
