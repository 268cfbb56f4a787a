# SPDX-License-Identifier: Apache-2.0
"""Which steps run together row by row, and how few rows of each tensor between them need memory.

A stream is a stretch of neighbouring ops.  Its last tensors ask for their rows one by one, and each row is made just
when another needs it (runtime/core/stream.c walks in the same order), so a tensor between two ops needs memory only
for the rows that some op still reads: a ring.  No row is made twice.  What is read after a stream lies whole, as
between layers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from groat.errors import InputError
from groat.graph import Graph, Op, Tensor
from groat.ops import op_def, op_row
from groat.ops.base import Rows

ALIGN = 16
WORD = 4
STATE_BYTES = 4  # of a stream's state, for each of its lines
LINES_MAX = 64
SUM_BYTES = 4  # of what an op that adds up keeps, for each channel


@dataclass(frozen=True)
class Line:
    """Where the rows of a tensor lie in its buffer: row y in slot y % slots (groat_line in format.h).

    Attributes:
        nbytes: of the buffer.
        kept: all rows are wanted, since something reads them after the stream.
        producer: position of the op that writes it; None for an input that comes row by row.
    """

    slots: int
    pitch: int
    lead: int
    padding: int
    nbytes: int
    kept: bool
    producer: int | None


@dataclass(frozen=True)
class Stream:
    """Ops [first, first + count) that run together.

    Attributes:
        lines: of the tensors that it writes or takes row by row, in the order in which they are written.
        shares: tensor -> the tensor in whose buffer it lies, row on row, since an op works in place.
    """

    first: int
    count: int
    lines: Mapping[int, Line]
    shares: Mapping[int, int]

    @property
    def last(self) -> int:
        return self.first + self.count - 1


@dataclass(frozen=True)
class Schedule:
    """How a graph is run: its streams; all other ops run one by one, on whole tensors."""

    streams: tuple[Stream, ...] = ()

    def stream_of(self, position: int) -> Stream | None:
        """The stream of an op."""
        return next((s for s in self.streams if s.first <= position <= s.last), None)


@dataclass
class _Node:
    """An op of a stream, or (position None) the copy of a whole tensor's rows to a ring that has room for padding.

    Attributes: tensors by number; copies have negative ones, -1 - number.
    """

    position: int | None
    inputs: list[int]
    output: int
    rows: Rows
    inplace: tuple[int, ...] = ()


@dataclass
class _Segment:
    """A stretch of ops as a stream.

    Attributes:
        slots: of each tensor that lies in a ring.
        shares: as Stream.
        kept: tensors that it writes and that lie whole.
        given: inputs of the graph that come row by row.
    """

    nodes: list[_Node]
    given: list[int]
    kept: list[int]
    slots: dict[int, int] = field(default_factory=dict)
    shares: dict[int, int] = field(default_factory=dict)


class Streams:
    """What can be streamed in a graph, and what it costs.

    Args:
        graph: after all passes.
        rows_in: inputs come row by row where their consumers allow it, and then have no memory of their own.
    """

    def __init__(self, graph: Graph, rows_in: bool = False) -> None:
        self.graph = graph
        self._inputs = [graph.root(number) for number in graph.inputs] if rows_in else []
        self._reads = [list(op_def(op.kind).arguments(op)) for op in graph.ops]
        self._writes = [op.outputs for op in graph.ops]
        self._rows = [self._rows_of(position) for position in range(len(graph.ops))]
        self._consumers: dict[int, list[int]] = {}
        self._producer = {number: position for position, op in enumerate(graph.ops) for number in op.outputs}
        for position, reads in enumerate(self._reads):
            for number in reads:
                self._consumers.setdefault(graph.root(number), []).append(position)
        self._end = {number: uses[-1] for number, uses in self._consumers.items()}
        for number in graph.outputs:
            self._end[graph.root(number)] = len(graph.ops)
        roots = {graph.root(number) for number in graph.inputs}
        self._held = [(-1, number) for number in roots] + [(p, n) for n, p in self._producer.items()]
        self._drafts: dict[tuple[int, int], _Segment | None] = {}
        self._segments: dict[tuple[int, int], _Segment | None] = {}

    def _rows_of(self, position: int) -> Rows | None:
        op = self.graph.ops[position]
        if not op_row(op.kind).by_rows or len(op.outputs) != 1:
            return None
        inputs = [self.graph.tensors[number] for number in op.inputs]
        output = self.graph.tensors[op.outputs[0]]
        images = [self.graph.tensors[number] for number in self._reads[position]]
        if not all(_is_image(tensor) for tensor in images):
            return None
        rows = op_def(op.kind).rows(op, inputs, [output]) if _is_image(output) else None
        if rows is None and output.shape[:1] == (1,):
            rows = op_def(op.kind).rows(op, inputs, [output])
            rows = rows if rows is not None and rows.adds_up else None
        return rows

    def _height(self, number: int) -> int:
        shape = self.tensor(number).shape
        return shape[1] if len(shape) > 1 else 1

    def tensor(self, number: int) -> Tensor:
        """A tensor of a segment; a copy looks like what it is a copy of."""
        return self.graph.tensors[number if number >= 0 else -1 - number]

    # ---- Segments ----------------------------------------------------------------------------------------

    def segment(self, first: int, end: int) -> _Segment | None:
        """The ops [first, end) as a stream; None if they cannot be one."""
        key = (first, end)
        if key not in self._segments:
            segment = self._draft(first, end)
            self._segments[key] = replace(segment, slots=self._simulate(segment)) if segment is not None else None
        return self._segments[key]

    def _draft(self, first: int, end: int) -> _Segment | None:
        """As `segment`, but with only as many slots as one call of each reader needs, which takes no walk."""
        key = (first, end)
        if key not in self._drafts:
            self._drafts[key] = self._build(first, end)
        return self._drafts[key]

    def _build(self, first: int, end: int) -> _Segment | None:
        graph = self.graph
        made: set[int] = set()
        nodes: list[_Node] = []
        kept: list[int] = []
        given: list[int] = []
        copies: set[int] = set()
        for position in range(first, end):
            rows = self._rows[position]
            if rows is None:
                return None
            inputs = []
            for number in self._reads[position]:
                root = graph.root(number)
                comes = root in self._inputs and root not in made
                if comes and root not in given:
                    if not all(first <= use < end for use in self._consumers[root]):
                        return None
                    given.append(root)
                if (root in given or root in made) and root != number:
                    return None  # under another shape
                if graph.tensors[root].data is None and (rows.before or rows.behind):
                    whole = root not in given and (root not in made or root in kept)
                    if whole:
                        source, number = number, -1 - number
                        if source not in copies:
                            copies.add(source)
                            nodes.append(_Node(None, [source], number, Rows(graph.tensors[source].shape[1])))
                inputs.append(number)
            output = self._writes[position][0]
            op = graph.ops[position]
            tensors = [graph.tensors[number] for number in op.inputs]
            inplace = op_def(op.kind).inplace(op, tensors, [graph.tensors[output]]) if op_row(op.kind).inplace else ()
            nodes.append(_Node(position, inputs, output, rows, inplace))
            made.add(output)
            if rows.adds_up and any(use < end for use in self._consumers.get(output, [])):
                return None
            if rows.adds_up or self._end.get(output, position) >= end:
                kept.append(output)
        if len(nodes) + len(given) > LINES_MAX or not kept:
            return None
        segment = _Segment(nodes, given, kept)
        self._share(segment)
        for number in [*given, *(node.output for node in nodes)]:
            segment.slots[number] = self._height(number) if number in kept else 1
        made_of = {number: self._height(number) for number in kept}
        for node in reversed(nodes):
            calls = node.rows.count if node.rows.adds_up else made_of.get(node.output, 0)
            for number in node.inputs:
                end, most = _reach(node.rows, calls, self._height(number))
                made_of[number] = max(made_of.get(number, 0), end)
                if number in segment.slots:
                    segment.slots[number] = max(segment.slots[number], most)
        return segment

    def _share(self, segment: _Segment) -> None:
        """Ops that may work in place do so, on an input that nothing else reads."""
        readers: dict[int, int] = {}
        for node in segment.nodes:
            for number in node.inputs:
                readers[number] = readers.get(number, 0) + 1
        made = {node.output for node in segment.nodes}
        for node in segment.nodes:
            for index in node.inplace:
                number = node.inputs[index]
                if number in made and number not in segment.kept and readers[number] == 1:
                    segment.shares[number] = node.output
                    break
        for number in segment.shares:
            while segment.shares[number] in segment.shares:
                segment.shares[number] = segment.shares[segment.shares[number]]

    def _simulate(self, segment: _Segment) -> dict[int, int]:
        """Walks the rows as the runtime does; returns how many slots each tensor needs."""
        numbers = [*segment.given, *(node.output for node in segment.nodes)]
        index_of = {number: index for index, number in enumerate(numbers)}
        makers: list[_Node | None] = [None] * len(segment.given) + list(segment.nodes)
        heights = [self._height(number) for number in numbers]
        readers: list[list[tuple[int, Rows]]] = [[] for _ in numbers]
        wants: list[list[tuple[int, int]]] = []
        for node in makers:
            inputs = [] if node is None else [index_of[n] for n in node.inputs if n in index_of]
            wants.append([(i, heights[i]) for i in inputs])
            for i in inputs:
                assert node is not None
                readers[i].append((index_of[node.output], node.rows))
        group = [index_of[segment.shares.get(number, number)] for number in numbers]
        members: dict[int, list[int]] = {}
        for index, leader in enumerate(group):
            members.setdefault(leader, []).append(index)
        kept = [number in segment.kept for number in numbers]
        made = [0] * len(numbers)
        asked_by = [0] * len(numbers)
        slots = [1] * len(numbers)

        def first_needed(index: int, maker: int) -> int:
            first = heights[index]
            for reader, rows in readers[index]:
                done = made[reader] + (reader == maker)
                if done < rows.count:
                    first = min(first, max(done * rows.stride - rows.pad, 0))
            return first

        for last in range(len(numbers) - 1, -1, -1):
            if not kept[last]:
                continue
            at = last
            while True:
                node = makers[at]
                if node is not None:
                    rows, done = node.rows, made[at]
                    if at == last and done == rows.count:
                        break
                    reach = done * rows.stride - rows.pad + rows.extent
                    missing = next((i for i, height in wants[at] if made[i] < min(max(reach, 0), height)), None)
                    if missing is not None:
                        asked_by[missing] = at
                        at = missing
                        continue
                leader = group[at]
                if not kept[leader]:
                    low = high = made[at]
                    for other in members[leader]:
                        first = first_needed(other, at)
                        if first < made[other]:
                            low, high = min(low, first), max(high, made[other] - 1)
                    slots[leader] = max(slots[leader], high - low + 1)
                made[at] += 1
                at = last if at == last else asked_by[at]
        return {
            number: heights[index] if kept[group[index]] else slots[group[index]]
            for index, number in enumerate(numbers)
        }

    # ---- Bytes -------------------------------------------------------------------------------------------

    def lines(self, segment: _Segment, positions: Mapping[int, int]) -> dict[int, Line]:
        """The lines of a segment; `positions` says at which position each of its tensors is written."""
        sides: dict[int, tuple[int, int, int]] = {}
        for node in segment.nodes:
            for number in node.inputs:
                before, behind, padding = sides.get(number, (0, 0, 0))
                if node.rows.before or node.rows.behind:
                    padding = node.rows.padding
                sides[number] = (max(before, node.rows.before), max(behind, node.rows.behind), padding)
        result = {}
        for number in [*segment.given, *(node.output for node in segment.nodes)]:
            leader = segment.shares.get(number, number)
            before, behind, padding = sides.get(leader, (0, 0, 0))
            tensor = self.tensor(number)
            row, pixel = _row_bytes(tensor)
            slots = segment.slots[number]
            if leader in segment.kept:
                lead, pitch, total = 0, row, row * slots
            else:
                lead = -(-before * pixel // WORD) * WORD
                pitch = row + max(before, behind) * pixel
                pitch = -(-pitch // WORD) * WORD if slots > 1 else pitch
                total = lead + (slots - 1) * pitch + row + behind * pixel
            producer = positions.get(number)
            result[number] = Line(slots, pitch, lead, padding, total, number in segment.kept, producer)
        return result

    def cost(self, first: int, end: int) -> int | None:
        """Bytes alive while ops [first, end) run as a stream; None if they cannot."""
        return self._bytes(first, self.segment(first, end))

    def least_cost(self, first: int, end: int) -> int | None:
        """A lower bound of `cost` that is found sooner; None just when `cost` is."""
        return self._bytes(first, self._draft(first, end))

    def _bytes(self, first: int, segment: _Segment | None) -> int | None:
        if segment is None:
            return None
        total = _round(STATE_BYTES * (len(segment.nodes) + len(segment.given)))
        for number, line in self.lines(segment, {}).items():
            if number not in segment.shares:
                total += _round(line.nbytes)
        for node in segment.nodes:
            if node.rows.adds_up:
                total += _round(SUM_BYTES * self.tensor(node.output).shape[-1])
        return total + self._held_bytes(first)

    def _held_bytes(self, first: int) -> int:
        """Bytes of the tensors from before an op that are still read by it or later."""
        return sum(_round(self.graph.tensors[number].nbytes) for number in self._held_at(first))

    def _held_at(self, first: int) -> list[int]:
        return [n for p, n in self._held if p < first and self._end.get(n, p) >= first and n not in self._inputs]

    def takes_rows(self, position: int) -> bool:
        """Whether an op reads an input that comes row by row, and so is part of a stream, if only of its own."""
        return any(self.graph.root(number) in self._inputs for number in self._reads[position])

    def single(self, position: int) -> int | None:
        """Bytes alive while an op runs by itself, on whole tensors; its scratch is not counted.  None if it cannot."""
        op = self.graph.ops[position]
        if self.takes_rows(position):
            return self.cost(position, position + 1)
        total = self._held_bytes(position)
        inputs = [self.graph.tensors[number] for number in op.inputs]
        outputs = [self.graph.tensors[number] for number in op.outputs]
        for index in op_def(op.kind).inplace(op, inputs, outputs) if op_row(op.kind).inplace else ():
            root = self.graph.root(op.inputs[index])
            if root in self._held_at(position) and self._end[root] == position:
                return total
        return total + sum(_round(tensor.nbytes) for tensor in outputs)

    def bytes_alive(self, first: int, end: int) -> int | None:
        """Bytes alive in ops [first, end) as `choose` runs them; None if they cannot run so."""
        return self.single(first) if end - first == 1 else self.cost(first, end)

    # ---- The choice --------------------------------------------------------------------------------------

    def choose(self, ram_bytes: int = 0) -> list[tuple[int, int]]:
        """Stretches [first, end) that cover all ops such that the most bytes alive are as few as can be; what stays
        within `ram_bytes` anyway runs op by op.

        Raises InputError if an input that should come row by row is read by an op that cannot take it so.
        """
        count = len(self.graph.ops)
        best: list[float] = [0.0] + [math.inf] * count
        cut = [0] * (count + 1)
        for end in range(1, count + 1):
            for first in range(end - 1, -1, -1):
                if end - first > 1 and self._rows[first] is None:
                    break
                if best[first] >= best[end]:
                    continue
                least = self.least_cost(first, end) if end - first > 1 else 0
                if least is None or least >= best[end]:
                    continue
                bytes_alive = self.bytes_alive(first, end)
                if bytes_alive is None:
                    continue
                peak = max(best[first], bytes_alive, ram_bytes)
                if peak < best[end]:
                    best[end], cut[end] = peak, first
        if best[count] == math.inf:
            raise InputError(self._why_not_by_rows())
        stretches: list[tuple[int, int]] = []
        end = count
        while end > 0:
            stretches.append((cut[end], end))
            end = cut[end]
        return stretches[::-1]

    def _why_not_by_rows(self) -> str:
        """Which input cannot come row by row, and which op is in the way."""
        for position, op in enumerate(self.graph.ops):
            if self.takes_rows(position) and self._rows[position] is None:
                name = self.graph.tensors[self._reads[position][0]].name
                return (
                    f"{self.graph.name}: input {name!r} cannot come row by row: "
                    f"op {op.index} {op.kind} reads all of it at once; keep it resident"
                )
        return (
            f"{self.graph.name}: an input cannot come row by row: the ops that read it do not run together; "
            "keep it resident"
        )


def _is_image(tensor: Tensor) -> bool:
    return len(tensor.shape) == 4 and tensor.shape[0] == 1


@functools.cache
def _reach(rows: Rows, calls: int, height: int) -> tuple[int, int]:
    """Of an image of this height: how many of its first rows so many calls read, and the most that one of them does."""
    starts = [call * rows.stride - rows.pad for call in range(calls)]
    ends = [min(start + rows.extent, height) for start in starts]
    return max(ends, default=0), max((end - max(start, 0) for start, end in zip(starts, ends, strict=True)), default=0)


def _row_bytes(tensor: Tensor) -> tuple[int, int]:
    """(bytes of a row, bytes of a pixel) as the runtime sees them."""
    dims = (*tensor.shape, 1, 1, 1, 1)
    size = np.dtype(tensor.dtype).itemsize
    return dims[2] * dims[3] * size, dims[3] * size


def _round(nbytes: int) -> int:
    return nbytes + -nbytes % ALIGN


def apply_streams(streams: Streams, stretches: Sequence[tuple[int, int]]) -> tuple[Graph, Schedule]:
    """The graph with the copies that streams need, and the schedule.

    Args:
        stretches: [first, end) of ops, one after the other; each of more than one op is a stream.
    """
    graph = streams.graph
    ops: list[Op] = []
    tensors = dict(graph.tensors)
    found: list[Stream] = []
    for first, end in stretches:
        streamed = end - first > 1 or streams.takes_rows(first)
        segment = streams.segment(first, end) if streamed else None
        if segment is None:
            ops += graph.ops[first:end]
            continue
        start = len(ops)
        number_of: dict[int, int] = {}
        positions: dict[int, int] = {}
        for node in segment.nodes:
            if node.position is None:
                source = -1 - node.output
                number_of[node.output] = max(tensors) + 1
                tensors[number_of[node.output]] = tensors[source]
                op = Op("reshape", (source,), (number_of[node.output],), {"out_shape": tensors[source].shape})
            else:
                op = graph.ops[node.position]
                reads = op_def(op.kind).arguments(op)
                swap = dict(zip(reads, (number_of.get(n, n) for n in node.inputs), strict=True))
                op = Op(op.kind, tuple(swap.get(n, n) for n in op.inputs), op.outputs, op.attrs, op.index)
            positions[node.output] = len(ops)
            ops.append(op)
        lines = {number_of.get(n, n): line for n, line in streams.lines(segment, positions).items()}
        shares = {number_of.get(a, a): number_of.get(b, b) for a, b in segment.shares.items()}
        found.append(Stream(start, len(ops) - start, lines, shares))
    return Graph(graph.name, tensors, tuple(ops), graph.inputs, graph.outputs, graph.views), Schedule(tuple(found))
