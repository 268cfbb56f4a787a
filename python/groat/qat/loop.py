# SPDX-License-Identifier: Apache-2.0
"""A small loop that trains: Adam, a learning rate that falls to nothing, and a teacher if there is one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from groat.batches import Recorder
from groat.compiler import Model, load
from groat.errors import InputError
from groat.graph import Graph
from groat.progress import Progress, silent
from groat.qat.learner import Learner, logits_of
from groat.samples import reals

Loss = Callable[[Tensor, Tensor], Tensor]
Batch = tuple[tuple[Tensor, ...], Tensor]


@dataclass(frozen=True)
class Epoch:
    """How one went.

    Attributes:
        loss: the mean over its samples, each as it was when it was learnt.
        accuracy: the share of them whose largest value is at their label; None if the targets are no labels.
    """

    loss: float
    accuracy: float | None


def train(
    learner: Learner,
    data: Any,
    epochs: int = 5,
    *,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    loss: Loss | None = None,
    teacher: Any = None,
    temperature: float = 2.0,
    weight: float = 0.5,
    seed: int = 0,
    progress: Progress = silent,
) -> list[Epoch]:
    """Trains a quantised model.

    Args:
        data: (x, y): arrays or tensors of all samples, shuffled before each epoch; or an iterable of such pairs that
            are batches, such as a DataLoader.  x is float32 [n, *shape], a tuple or list of them for several inputs;
            y is integers [n], the labels, or floats, the targets.
        learning_rate: of Adam, at first; it falls to 0 along a half cosine.  Parameters are relative: 0.001 changes a
            weight by at most about a thousandth of its filter's largest in a step.
        loss: of learner.logits and y, a scalar; default: cross-entropy for labels, the mean squared error for targets.
        teacher: a model of floats that knows more: a function (or module) of x that returns logits of the learner's
            shape, or anything that groat.load takes or returns.
        temperature: that the logits of both are divided by, to compare their probabilities (G. Hinton and others,
            "Distilling the Knowledge in a Neural Network", 2015).  Of targets that are no labels, outputs are compared.
        weight: of the teacher's loss; the data's has the rest.  At 1, the data's labels are not used.
        seed: of the order of samples.
        progress: told of batches.

    Returns what each epoch reached.
    Raises InputError: data, outputs of the teacher or options that do not fit; a loss that is no number: parameters are
    then as they were before its batch.
    """
    for name, option, least, most in (
        ("epochs", epochs, 1, math.inf),
        ("batch_size", batch_size, 1, math.inf),
        ("learning_rate", learning_rate, 1e-12, math.inf),
        ("temperature", temperature, 1e-12, math.inf),
        ("weight", weight, 0, 1),
    ):
        if not least <= option <= most:
            raise InputError(f"qat.train: {name} is {option}; expected {least} to {most}")
    knows = None if teacher is None else _Teacher(teacher)
    batches = _batches(data, batch_size, seed)
    count = len(batches)
    optimizer = torch.optim.Adam(learner.parameters(), lr=learning_rate)
    epochs_done = []
    for epoch in range(epochs):
        total, right, samples, labels = 0.0, 0, 0, True
        for step, (x, y) in enumerate(batches):
            passed = (epoch + (min(step / count, 1) if count else 0)) / epochs
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * 0.5 * (1 + math.cos(math.pi * passed))
            with torch.enable_grad():
                logits = learner.logits(*x)
                value = (loss or _loss)(logits, y)
                if knows is not None:
                    value = (1 - weight) * value + weight * _imitation(logits, knows(x, logits), y, temperature)
            optimizer.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            norm = float(nn.utils.get_total_norm([p.grad for p in learner.parameters() if p.grad is not None]))
            lost = float(value.detach())
            if not math.isfinite(lost) or not math.isfinite(norm):
                raise InputError(
                    f"in batch {step} of epoch {epoch} the loss is {lost}, the norm of its gradient {norm}: "
                    f"look for targets that are no numbers, or take a learning_rate below {learning_rate:g}"
                )
            optimizer.step()
            samples += len(logits)
            total += lost * len(logits)
            labels = labels and _are_labels(y)
            right += int((logits.argmax(1) == y).sum()) if labels else 0
            progress(f"epoch {epoch + 1} of {epochs}", step + 1, count)
        if samples == 0:
            raise InputError(f"qat.train: there are no samples in epoch {epoch}")
        epochs_done.append(Epoch(total / samples, right / samples if labels else None))
    return epochs_done


# ---- Data ------------------------------------------------------------------------------------------------------


class _Shuffled:
    """All samples, in another order every time, batch by batch."""

    def __init__(self, inputs: Sequence[Tensor], y: Tensor, batch_size: int, seed: int) -> None:
        self._inputs, self._y, self._batch_size = inputs, y, batch_size
        self._random = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return -(-len(self._y) // self._batch_size)

    def __iter__(self) -> Iterator[Batch]:
        order = torch.randperm(len(self._y), generator=self._random)
        for start in range(0, len(order), self._batch_size):
            places = order[start : start + self._batch_size]
            yield tuple(each[places] for each in self._inputs), self._y[places]


class _Given:
    """Batches that come from elsewhere."""

    def __init__(self, batches: Iterable[Any]) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches) if isinstance(self._batches, Sized) else 0

    def __iter__(self) -> Iterator[Batch]:
        return map(_pair, self._batches)


def _pair(item: Any) -> Batch:
    """(inputs, targets) as tensors; InputError if it is no such pair."""
    if not isinstance(item, (tuple, list)) or len(item) != 2:
        raise InputError(f"a batch is a {type(item).__name__}; expected a pair of inputs and targets")
    x, y = item
    try:
        given = [torch.as_tensor(each) for each in (*(x if isinstance(x, (tuple, list)) else [x]), y)]
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"a batch is no array or tensor: {error}") from error
    counts = [len(each) if each.ndim > 0 else 0 for each in given]
    if len(set(counts)) != 1:
        raise InputError(f"inputs and targets of data have {counts} samples; expected as many for each")
    *inputs, targets = given
    return tuple(inputs), targets if targets.is_floating_point() else targets.long()


def _batches(data: Any, batch_size: int, seed: int) -> _Shuffled | _Given:
    if isinstance(data, tuple):
        inputs, y = _pair(data)
        return _Shuffled(inputs, y, batch_size, seed)
    if not isinstance(data, Iterable):
        raise InputError(f"data is a {type(data).__name__}; expected (x, y), or an iterable of such batches")
    return _Given(data)


# ---- Losses ----------------------------------------------------------------------------------------------------


def _are_labels(y: Tensor) -> bool:
    return not y.is_floating_point()


def _loss(logits: Tensor, y: Tensor) -> Tensor:
    if _are_labels(y):
        if y.ndim != 1 or int(y.min()) < 0 or int(y.max()) >= logits.shape[1]:
            raise InputError(
                f"labels have shape {list(y.shape)} and go from {int(y.min())} to {int(y.max())}; expected [n], of "
                f"{logits.shape[1]} classes"
            )
        return F.cross_entropy(logits, y)
    if y.flatten(1).shape != logits.shape:
        raise InputError(f"targets are {list(y.shape)}; expected the {list(logits.shape)} of the outputs")
    return F.mse_loss(logits, y.flatten(1).to(logits))


def _imitation(logits: Tensor, known: Tensor, y: Tensor, temperature: float) -> Tensor:
    """How far the learner is from its teacher."""
    if not _are_labels(y):
        return F.mse_loss(logits, known)
    ours, theirs = (torch.log_softmax(each / temperature, 1) for each in (logits, known))
    # Times its square, the gradient does not depend on the temperature much.
    return F.kl_div(ours, theirs, reduction="batchmean", log_target=True) * temperature**2


class _Teacher:
    """Called with the learner's inputs and logits: the teacher's logits for those."""

    def __init__(self, teacher: Any) -> None:
        self._function = teacher if callable(teacher) else None
        if self._function is None:
            model = teacher if isinstance(teacher, (Graph, Model)) else load(teacher)
            graph = model.graph if isinstance(model, Model) else model
            self._number, self._graph = logits_of(graph), graph
            self._recorder = Recorder(graph, [self._number])

    def _run(self, x: Sequence[Tensor]) -> Tensor:
        shapes = [self._graph.tensors[number].shape for number in self._graph.inputs]
        if len(shapes) != len(x) or any(math.prod(s) != each[0].numel() for s, each in zip(shapes, x, strict=True)):
            raise InputError(
                f"the teacher {self._graph.name} reads {[list(s) for s in shapes]}; the samples are "
                f"{[list(each.shape[1:]) for each in x]}"
            )
        arrays = [e.numpy(force=True).astype(np.float32).reshape(-1, *s) for e, s in zip(x, shapes, strict=True)]
        parts = [values[self._number] for _, values in self._recorder.run(arrays)]
        return torch.from_numpy(reals(np.concatenate(parts), self._graph.tensors[self._number]))

    def __call__(self, x: Sequence[Tensor], logits: Tensor) -> Tensor:
        with torch.no_grad():
            found = self._run(x) if self._function is None else self._function(*x)
        if not isinstance(found, Tensor) or found.ndim == 0 or found.flatten(1).shape != logits.shape:
            shape = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise InputError(f"the teacher's outputs are {shape}; expected {list(logits.shape)}, as the learner's")
        return found.flatten(1).to(logits)
