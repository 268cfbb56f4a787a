# SPDX-License-Identifier: Apache-2.0
"""Training in PyTorch: the same data and seed on the same machine give the same weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from groat.graph.ir import Array
from groat.progress import Progress, silent
from groat.zoo.entries import Recipe, Split


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """Seeds PyTorch, and lets it use one thread and what is deterministic; all as before afterwards."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(strict)


def train(
    module: nn.Module, split: Split, order: tuple[int, ...], recipe: Recipe, seed: int, progress: Progress = silent
) -> None:
    """Trains a module where it is.

    Args:
        order: dimensions of the samples as the module takes them.
    """
    draw = np.random.default_rng(seed)
    count = len(split.x)
    size = min(recipe.batch, count)
    steps = count // size
    with repeatable(seed):
        optimizer = torch.optim.AdamW(module.parameters(), recipe.rate, weight_decay=recipe.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=recipe.epochs * steps)
        loss_of = _loss(recipe)
        # Images lie with their channels last anyway; so do weights then, in two thirds of the time.
        module.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for epoch in range(recipe.epochs):
            progress("epochs of training", epoch, recipe.epochs)
            x = split.x if split.vary is None else split.vary(draw)
            for rows in draw.permutation(count)[: steps * size].reshape(steps, size):
                inputs = as_torch(x[rows], order)
                wanted = inputs if split.y is None else torch.from_numpy(split.y[rows])
                optimizer.zero_grad()
                loss_of(module(inputs), wanted).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
        module.eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def _loss(recipe: Recipe) -> Callable[[Tensor, Tensor], Tensor]:
    classes = nn.CrossEntropyLoss(label_smoothing=recipe.smoothing)
    values = nn.MSELoss()
    return lambda found, wanted: values(found, wanted) if wanted.is_floating_point() else classes(found, wanted)


def settle(module: nn.Module, x: Array, order: tuple[int, ...]) -> None:
    """Gives the normalisations of an untrained module the means and variances that they see for samples."""
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)]
    momentum = [norm.momentum for norm in norms]
    with repeatable(0), torch.no_grad():
        for norm in norms:
            norm.momentum = None  # the mean of all that comes
        module.train()
        module(as_torch(x, order))
        module.eval()
    for norm, value in zip(norms, momentum, strict=True):
        norm.momentum = value


def as_torch(x: Array, order: tuple[int, ...]) -> Tensor:
    """Samples as a module takes them."""
    return torch.from_numpy(np.ascontiguousarray(x, np.float32)).permute(order)
