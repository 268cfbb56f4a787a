# SPDX-License-Identifier: Apache-2.0
"""Epochs of training steps over a data set, on any place that runs the model, and how well it then does."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from groat.errors import InputError
from groat.progress import Progress, silent
from groat.runners.base import Array, BaseRunner
from groat.train.session import Trainer


@dataclass(frozen=True)
class Data:
    """Samples to learn from, and others to be judged by.

    Attributes:
        x, y: [n, ...] inputs and labels (or targets).
        x_test, y_test: the same, never learnt from; may be empty.
    """

    x: Array
    y: Array
    x_test: Array
    y_test: Array


@dataclass
class History:
    """What happened.

    Attributes:
        losses: of every step, in their order.
        epoch_losses: the mean of each epoch.
        accuracies: on the test samples: before the first epoch, and after each; empty without test samples or labels.
        skipped: steps that changed nothing since a gradient overflowed float16.
    """

    losses: list[float] = field(default_factory=list)
    epoch_losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    skipped: int = 0

    @property
    def report(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "epochs": len(self.epoch_losses),
            "steps": len(self.losses),
            "skipped_steps": self.skipped,
            "loss": self.epoch_losses[-1] if self.epoch_losses else None,
            "losses": self.epoch_losses,
            "accuracy": self.accuracies[-1] if self.accuracies else None,
            "accuracies": self.accuracies,
        }


TOGETHER = 32
"""Steps that are sent to a device together."""


def load_data(path: str | os.PathLike[str]) -> Data:
    """Reads an .npz with arrays x and y, and x_test and y_test if there are any.

    Raises InputError if the file is none, an array is missing, or their lengths differ.
    """
    try:
        with np.load(Path(path), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, AttributeError, LookupError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} cannot be read as an .npz: {error}") from error
    for name in ("x", "y"):
        if name not in arrays:
            raise InputError(f"{path} has no array {name!r}; it has {', '.join(arrays) or 'none'}")
    for x, y in (("x", "y"), ("x_test", "y_test")):
        if (x in arrays) != (y in arrays):
            raise InputError(f"{path} has only one of {x!r} and {y!r}")
        if x in arrays and (arrays[x].ndim == 0 or arrays[y].ndim == 0 or len(arrays[x]) != len(arrays[y])):
            raise InputError(
                f"{path}: {x} has shape {arrays[x].shape}, {y} {arrays[y].shape}; expected as many samples"
            )
    if len(arrays["x"]) == 0:
        raise InputError(f"{path} has no samples")
    return Data(arrays["x"], arrays["y"], arrays.get("x_test", arrays["x"][:0]), arrays.get("y_test", arrays["y"][:0]))


def train(
    runner: BaseRunner,
    data: Data,
    epochs: int,
    lr: float,
    *,
    accumulate: int = 1,
    seed: int = 0,
    progress: Progress = silent,
) -> History:
    """Trains sample by sample, in another order in each epoch.

    Args:
        runner: of a model that was compiled with train=.
        epochs: how often each sample is learnt from.
        lr: the learning rate.
        accumulate: as the model was compiled: samples to an update.  The last few of an epoch, if they are fewer, are
            left out.
        seed: of the orders, by numpy.random.default_rng.

    Raises InputError as Session.train_step; RunnerError if the device fails.
    """
    if epochs < 1:
        raise InputError(f"epochs is {epochs}; expected at least 1")
    if len(data.x) < accumulate:
        raise InputError(f"there are {len(data.x)} samples; expected at least {accumulate}, for one update")
    trainer, history, order = Trainer(runner), History(), np.random.default_rng(seed)
    together = accumulate if accumulate > 1 else TOGETHER
    judged = len(data.x_test) > 0 and data.y_test.ndim <= 2 and data.y_test.dtype.kind in "iu"
    if judged:
        history.accuracies.append(accuracy(runner, data.x_test, data.y_test))
    for epoch in range(epochs):
        sum_of_losses = 0.0
        indices = order.permutation(len(data.x))
        indices = indices[: len(indices) // accumulate * accumulate]
        for start in range(0, len(indices), together):
            chosen = indices[start : start + together]
            results = trainer.steps(data.x[chosen], data.y[chosen], lr)
            history.skipped += sum(not result.applied for result in results)
            history.losses += [result.loss for result in results]
            if accumulate > 1 and len(chosen) == accumulate:
                trainer.apply(lr)
            sum_of_losses += sum(result.loss for result in results)
            done = start + len(chosen)
            progress(f"epoch {epoch + 1} of {epochs}, loss {sum_of_losses / done:.3f}", done, len(data.x))
        history.epoch_losses.append(sum_of_losses / max(len(indices), 1))
        if judged:
            history.accuracies.append(accuracy(runner, data.x_test, data.y_test))
    return history


def accuracy(runner: BaseRunner, x: Array, y: Sequence[int] | Array) -> float:
    """The share of samples whose largest output is that of their label, by program `infer`."""
    runner.select("infer")
    info = runner.model.inputs[0]
    inputs = np.asarray(x).reshape(len(x), *info.shape).astype(info.dtype)
    (outputs,) = runner.run_batch([inputs])
    found = outputs.reshape(len(x), -1).argmax(axis=1)
    return float((found == np.asarray(y).reshape(len(x))).mean())
