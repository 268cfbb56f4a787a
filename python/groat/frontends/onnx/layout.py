# SPDX-License-Identifier: Apache-2.0
"""Where the elements of a value lie: what makes NCHW into NHWC without a transpose.

ONNX counts dimensions in an order of its own; a tensor of ours may hold the same elements in another one.  A value is
therefore a tensor and a list of factors: sizes whose product is that of the value, in the value's own order, each with
its place in memory.  A transpose reorders factors, a reshape regroups them, and neither moves a byte.  Bytes move only
when an op asks for an order that memory does not have.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from groat.ops.base import Shape

Factor = tuple[int, float]  # (size, place: lower is slower in memory)
Order = tuple[int, ...]  # dimensions of a value, slowest in memory first


@dataclass(frozen=True)
class Value:
    """A value of the model.

    Attributes:
        number: the tensor that holds it.
        shape: of the value, in the model's order.
        factors: in the model's order.
    """

    number: int
    shape: Shape
    factors: tuple[Factor, ...]


def stored(number: int, shape: Shape, order: Order) -> Value:
    """A value of a shape whose tensor has its dimensions in an order."""
    return Value(number, shape, tuple((size, float(order.index(axis))) for axis, size in enumerate(shape)))


def natural(rank: int) -> Order:
    return tuple(range(rank))


def channels_last(rank: int) -> Order:
    """The order in which dimension 1 goes last."""
    return (0, *range(2, rank), 1) if rank > 2 else natural(rank)


def inverse(order: Order) -> Order:
    return tuple(order.index(axis) for axis in range(len(order)))


def groups_of(factors: Sequence[Factor], shape: Shape) -> list[list[Factor]] | None:
    """The factors of each dimension, split where that is needed; None where a dimension cuts one in no whole parts."""
    rest = [factor for factor in factors if factor[0] != 1]
    groups: list[list[Factor]] = []
    for size in shape:
        group: list[Factor] = []
        while size > 1:
            if not rest:
                return None
            length, place = rest.pop(0)
            if length > size:
                if length % size != 0:
                    return None
                # The slower part stays here; the faster one comes right behind it in memory.
                rest.insert(0, (length // size, math.nextafter(place, math.inf)))
                length = size
            if size % length != 0:
                return None
            group.append((length, place))
            size //= length
        groups.append(group)
    return groups


def is_sorted(factors: Sequence[Factor]) -> bool:
    return all(a[1] < b[1] for a, b in itertools.pairwise(factors))


def merged(factors: Sequence[Factor]) -> tuple[list[int], list[int]]:
    """(sizes of the dimensions in memory, permutation of them) for factors in the order that is wanted; neighbours in
    both are one dimension."""
    ranks = {place: rank for rank, (_, place) in enumerate(sorted(factors, key=lambda factor: factor[1]))}
    runs: list[list[Factor]] = []
    for factor in factors:
        if runs and ranks[factor[1]] == ranks[runs[-1][-1][1]] + 1:
            runs[-1].append(factor)
        else:
            runs.append([factor])
    in_memory = sorted(range(len(runs)), key=lambda run: runs[run][0][1])
    sizes = [math.prod(size for size, _ in run) for run in runs]
    return [sizes[run] for run in in_memory], [in_memory.index(run) for run in range(len(runs))]


def own_order(value: Value) -> Order | None:
    """The order of dimensions in which the value's tensor is a mere reshape; None if there is none.

    Where several are, an image has its channels last.
    """
    rank = len(value.shape)
    groups = groups_of(value.factors, value.shape)
    if groups is None:
        return None

    def plain(order: Order) -> bool:
        return is_sorted([factor for axis in order for factor in groups[axis]])

    candidates = [natural(rank)]
    candidates.insert(0 if rank == 4 else 1, channels_last(rank))
    long = sorted((axis for axis in range(rank) if groups[axis]), key=lambda axis: groups[axis][0][1])
    places = iter(long)
    candidates.append(tuple(next(places) if groups[axis] else axis for axis in range(rank)))
    return next((order for order in candidates if plain(order)), None)
