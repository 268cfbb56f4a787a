# SPDX-License-Identifier: Apache-2.0
"""Which ops run together: dynamic programming over where to cut."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from groat.errors import InputError
from groat.planner.streams import ROWS, Streams, Stretch


def choose(
    streams: Streams,
    ram_bytes: int = 0,
    cuts: Sequence[int] = ROWS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Stretch]:
    """Stretches that cover all ops such that the bytes alive stay within `ram_bytes`, or else are as few as can be;
    among those, the ones with the fewest calls.

    Args:
        cuts: into how many units the rows of a stream may be cut.
        progress: called with (ops for which it is decided how they run, of how many).

    Raises InputError if an input that should come row by row is read by an op that cannot take it so.
    """
    cuts = sorted(cuts)
    count = len(streams.graph.ops)
    least = _least_peak(streams, sorted({cuts[0], cuts[-1]}), lambda done: progress(done, 2 * count))
    if least == math.inf:
        raise InputError(streams.why_not_by_rows())
    bound = max(int(least), ram_bytes)
    best: list[float] = [0.0] + [math.inf] * count
    back: list[Stretch] = [Stretch(0, 0)] * (count + 1)
    for end in range(1, count + 1):
        for first in range(end - 1, -1, -1):
            if end - first > 1 and not streams.goes_by_parts(first):
                break
            single = streams.single(first) if end - first == 1 else None
            if single is not None and single <= bound:
                if best[first] < best[end]:
                    best[end], back[end] = best[first], Stretch(first, end)
                continue
            lower = streams.least_cost(first, end)
            if lower is None or lower > bound or best[first] >= best[end]:
                continue
            for cut in cuts:
                calls = best[first] + streams.overhead(first, end, cut)
                if calls >= best[end]:
                    break
                cost = streams.cost(first, end, cut)
                if cost is not None and cost <= bound:
                    best[end], back[end] = calls, Stretch(first, end, cut)
                    break
        progress(count + end, 2 * count)
    stretches: list[Stretch] = []
    end = count
    while end > 0:
        stretches.append(back[end])
        end = back[end].first
    return stretches[::-1]


def _least_peak(streams: Streams, cuts: Sequence[int], progress: Callable[[int], None]) -> float:
    """The fewest bytes that can be alive at the peak."""
    count = len(streams.graph.ops)
    best: list[float] = [0.0] + [math.inf] * count
    for end in range(1, count + 1):
        for first in range(end - 1, -1, -1):
            if end - first > 1 and not streams.goes_by_parts(first):
                break
            single = streams.single(first) if end - first == 1 else None
            if single is not None:
                best[end] = min(best[end], max(best[first], single))
            lower = streams.least_cost(first, end)
            if lower is None or max(lower, best[first]) >= best[end]:
                continue
            for cut in cuts:
                cost = streams.cost(first, end, cut)
                if cost is not None:
                    best[end] = min(best[end], max(best[first], cost))
        progress(end)
    return best[count]
