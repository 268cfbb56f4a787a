# SPDX-License-Identifier: Apache-2.0
"""Which steps run together part by part, and how few pixels of each tensor between them need memory.

A stream is a stretch of neighbouring ops.  Its last tensors ask for their parts one by one, and each part is made just
when another needs it, so a tensor between two ops needs memory only for the pixels that some op still reads: a ring.
A part is a row, or some pixels of one: the fewer, the less memory, and the more calls.  Nothing is made twice.  What is
read after a stream lies whole, as between layers; it may lie over what the stream reads for the last time, as far as
that has been read (vMCU's overlap).

How long rings must be, and how far tensors may overlap, is found by walking: bindings/stream_walk.c goes through the
units in the order of runtime/core/stream.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from groat import _core
from groat.errors import InputError
from groat.graph import Graph, Tensor
from groat.ops import macs_of, op_def, op_row
from groat.ops.base import Rows
from groat.planner.packing import ALIGN, round_up

WORD = 4
STATE_BYTES = _core.STREAM_STATE_BYTES
UNITS_MAX = 65535  # of a line: they are counted in 16 bits
SUM_BYTES = 4  # of what an op that adds up keeps, for each channel
ROWS = (1,)  # whole rows
PATCHES = (1, 2, 4, 8, 16, 32)  # into how many units rows may be cut
# What decides between plans that fit, in instructions beside the arithmetic, about: for a unit; and for each byte that
# the windows of a row of units read, where a filter has few products for it (depthwise) and so a kernel that sees all
# of an image prepares rows and weights but once.  The second counts more often where rows lie without the padding that
# windows read, so that a row takes several calls.
CALL_INSTRUCTIONS = 400
READ_INSTRUCTIONS = 2
BARE_READS = 4
FEW_PRODUCTS = 8
PADDED, BARE, PIECES = _core.REACHES


@dataclass(frozen=True)
class Line:
    """Some rows of a tensor, cut into units: unit u lies in slot u % slots (groat_line in format.h).

    Attributes:
        slots: 0 if the tensor lies whole.
        span: pixels of a unit.
        kept: all of it is wanted, since something reads it after the stream.
        producer: position of the op that writes it; None for an input that comes row by row.
        then: which line of the stream (index in the order of Stream.lines) is made along with this one.
    """

    slots: int
    pitch: int
    lead: int
    padding: int
    span: int
    kept: bool
    producer: int | None
    first_row: int = 0
    row_step: int = 1
    first_tap: int = 0
    taps: int = 0
    then: int | None = None


@dataclass(frozen=True)
class Stream:
    """Ops [first, first + count) that run together.

    Attributes:
        lines: of the tensors that it writes or takes row by row, in the order in which they are written.
        nbytes: of the buffer of each of them.
        shares: tensor -> the tensor in whose buffer it lies, unit on unit, since an op works in place.
        over: tensor that lies whole -> (the tensor from before the stream that it may overlap, how many bytes it must
            start before that one; negative: it may start so much behind).
        units: op -> (pixels that it makes at a time, how its input lies: PADDED, BARE or PIECES).
    """

    first: int
    count: int
    lines: Mapping[int, tuple[Line, ...]]
    nbytes: Mapping[int, int]
    shares: Mapping[int, int]
    over: Mapping[int, tuple[int, int]]
    units: Mapping[int, tuple[int, int]]

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


@dataclass(frozen=True)
class Stretch:
    """Ops [first, end) of a schedule: one layer, or (`cuts` > 0) a stream whose rows are cut into so many units."""

    first: int
    end: int
    cuts: int = 0


@dataclass(frozen=True)
class _Node:
    position: int
    inputs: tuple[int, ...]
    output: int
    rows: Rows
    inplace: tuple[int, ...]


@dataclass(frozen=True)
class _Line:
    """A line before it is walked."""

    tensor: int
    node: _Node | None
    span: int
    first_row: int = 0
    row_step: int = 1
    first_tap: int = 0
    taps: int = 0


@dataclass
class _Segment:
    """A stretch of ops as a stream.

    Attributes:
        nodes: its ops, in order.
        given: inputs of the graph that come row by row.
        kept: tensors that something reads afterwards.
        whole: those of them that have memory for all of it.
        lines: in order; those of a tensor are neighbours.
        then: line -> the one that is made along with it.
        slots: of each line.
        shares, over: as Stream.
        saved: bytes that overlaps save.
    """

    nodes: list[_Node]
    given: list[int]
    kept: list[int]
    whole: list[int]
    lines: list[_Line] = field(default_factory=list)
    then: dict[int, int] = field(default_factory=dict)
    slots: list[int] = field(default_factory=list)
    shares: dict[int, int] = field(default_factory=dict)
    over: dict[int, tuple[int, int]] = field(default_factory=dict)
    saved: int = 0

    @property
    def tensors(self) -> list[int]:
        return [*self.given, *(node.output for node in self.nodes)]


class Streams:
    """What can be streamed in a graph, and what it costs.

    Args:
        graph: after all passes.
        rows_in: inputs come row by row where their consumers allow it, and then have no memory of their own.
        rows_out: outputs go row by row, and then have none either.
        scratch: bytes that the kernels of an op ask for: of the op, how many pixels it makes at a time (0: it runs by
            itself) and how its input lies (PADDED, BARE or PIECES); default: none.
        again: tensors of which no row is kept for a second window: it is made again.
    """

    def __init__(
        self,
        graph: Graph,
        rows_in: bool = False,
        rows_out: bool = False,
        scratch: Callable[[int, int, int], int] | None = None,
        again: frozenset[int] = frozenset(),
    ) -> None:
        self.graph = graph
        self.again = again
        self._scratch = scratch if scratch is not None else lambda position, pixels, reach: 0
        self._inputs = [graph.root(number) for number in graph.inputs] if rows_in else []
        self._reads = [tuple(op_def(op.kind).arguments(op)) for op in graph.ops]
        self._rows = [self._rows_of(position) for position in range(len(graph.ops))]
        self._consumers: dict[int, list[int]] = {}
        self._producer = {
            number: position
            for position, op in enumerate(graph.ops)
            for number in op.outputs
            if number not in graph.states
        }
        for position, reads in enumerate(self._reads):
            for number in reads:
                self._consumers.setdefault(graph.root(number), []).append(position)
        self._end = {number: uses[-1] for number, uses in self._consumers.items()}
        self._outputs = {graph.root(number) for number in graph.outputs}
        self._rows_out = self._outputs if rows_out else set()
        for number in self._outputs - self._rows_out:
            self._end[number] = len(graph.ops)
        roots = {graph.root(number) for number in graph.inputs}
        self._held = [(-1, number) for number in roots] + [(p, n) for n, p in self._producer.items()]
        self._nodes = [self._node_of(position) for position in range(len(graph.ops))]
        self._drafts: dict[tuple[int, int], _Segment | None] = {}
        self._segments: dict[tuple[int, int, int], _Segment | None] = {}
        self._costs: dict[tuple[int, int, int], int | None] = {}
        self._least_costs: dict[tuple[int, int], int | None] = {}

    def _rows_of(self, position: int) -> Rows | None:
        op = self.graph.ops[position]
        # A state may be read, as far as it goes, but nothing is written to it while others still may read it.
        if not op_row(op.kind).by_rows or len(op.outputs) != 1 or op.outputs[0] in self.graph.states:
            return None
        inputs = [self.graph.tensors[number] for number in op.inputs]
        output = self.graph.tensors[op.outputs[0]]
        if not all(_is_image(self.graph.tensors[number]) for number in self._reads[position]):
            return None
        rows = op_def(op.kind).rows(op, inputs, [output]) if output.shape[:1] == (1,) else None
        return rows if rows is not None and (rows.adds_up or _is_image(output)) else None

    def _node_of(self, position: int) -> _Node | None:
        rows = self._rows[position]
        if rows is None:
            return None
        op, reads = self.graph.ops[position], self._reads[position]
        inputs, outputs = ([self.graph.tensors[number] for number in numbers] for numbers in (op.inputs, op.outputs))
        in_streams = op_row(op.kind).inplace and not rows.gathers  # what windows read is read again for the next
        inplace = op_def(op.kind).inplace(op, inputs, outputs) if in_streams else ()
        into = tuple(i for i, number in enumerate(reads) if any(op.inputs[k] == number for k in inplace))
        return _Node(position, reads, op.outputs[0], rows, into)

    def made_again(self, number: int) -> Streams:
        """The same with one more tensor in `again`; what is known of stretches without it stays so."""
        other = copy(self)
        other.again = self.again | {number}
        position = self._producer[number]

        def without(first: int, end: int, *_: int) -> bool:
            return not first <= position < end

        other._segments = {key: segment for key, segment in self._segments.items() if without(*key)}
        other._costs = {key: cost for key, cost in self._costs.items() if without(*key)}
        other._least_costs = {key: cost for key, cost in self._least_costs.items() if without(*key)}
        return other

    # ---- Segments ----------------------------------------------------------------------------------------

    def segment(self, first: int, end: int, cuts: int = 1) -> _Segment | None:
        """The ops [first, end) as a stream whose rows are cut into so many units; None if they cannot be one."""
        key = (first, end, cuts)
        if key not in self._segments:
            draft = self._draft(first, end)
            found = [self._walked(draft, cuts, *way) for way in self._variants(draft, cuts)] if draft else []
            whole = [segment for segment in found if segment is not None]
            self._segments[key] = min(whole, key=lambda s: self._bytes(first, s), default=None)
        return self._segments[key]

    def _draft(self, first: int, end: int) -> _Segment | None:
        """The ops as a stream, without its lines."""
        key = (first, end)
        if key not in self._drafts:
            self._drafts[key] = self._build(first, end)
        return self._drafts[key]

    def _build(self, first: int, end: int) -> _Segment | None:
        graph = self.graph
        made: set[int] = set()
        segment = _Segment([], [], [], [])
        for position in range(first, end):
            node = self._nodes[position]
            if node is None:
                return None
            for number in node.inputs:
                root = graph.root(number)
                if root in self._inputs and root not in segment.given:
                    if not all(first <= use < end for use in self._consumers[root]):
                        return None
                    segment.given.append(root)
                if (root in segment.given or root in made) and root != number:
                    return None  # under another shape
            output, adds_up = node.output, node.rows.adds_up
            segment.nodes.append(node)
            made.add(output)
            inside = all(use < end for use in self._consumers.get(output, []))
            if adds_up and self._consumers.get(output, [end])[0] < end:
                return None
            goes = output in self._rows_out
            if goes and (adds_up or output not in graph.outputs or not inside):
                return None
            if goes or adds_up or self._end.get(output, position) >= end:
                segment.kept.append(output)
            if not goes and output in segment.kept:
                segment.whole.append(output)
        if len(segment.nodes) + len(segment.given) > _core.STREAM_LINES_MAX or not segment.kept:
            return None
        return segment

    def _variants(self, draft: _Segment, cuts: int) -> Iterator[tuple[bool, bool]]:
        """Ways to make lines that may need different memory: (classes of rows, lines that go along with others)."""
        classes = cuts > 1 and any(self._classes(draft, number) > 1 for number in draft.tensors)
        return product((False, True) if classes else (False,), (False, True) if self._pairs(draft) else (False,))

    def _readers(self, segment: _Segment, number: int) -> list[_Node]:
        first, last = segment.nodes[0].position, segment.nodes[-1].position
        uses = dict.fromkeys(self._consumers.get(number, ()))
        return [segment.nodes[position - first] for position in uses if first <= position <= last]

    def _classes(self, segment: _Segment, number: int) -> int:
        """Into how many lines, of every so-manieth row, a tensor may go: the stride of the windows over it, so that
        rows that only one window reads do not wait for those that two read."""
        readers = self._readers(segment, number)
        strides = {node.rows.stride for node in readers}
        if number in segment.kept or number in segment.given or len(strides) != 1:
            return 1
        stride = strides.pop()
        windows = all(node.rows.gathers and node.rows.dilation == 1 for node in readers)
        overlap = any(node.rows.extent > stride for node in readers)
        return stride if windows and overlap and self.graph.tensors[number].shape[1] >= stride else 1

    def _again_for(self, segment: _Segment, number: int) -> _Node | None:
        """The op for whose windows the rows of a tensor may be made again, each time that one reads them; None if they
        must be kept."""
        readers = self._readers(segment, number)
        fixed = number in segment.kept or number in segment.given
        if fixed or len(readers) != 1 or readers[0].inputs.count(number) != 1:
            return None
        rows = readers[0].rows
        return readers[0] if rows.gathers and rows.extent > rows.stride else None

    def _lines_of_taps(self, number: int, node: _Node | None, span: int, rows: Rows) -> list[_Line]:
        """A line for each tap of the windows over a tensor that meets the image: the rows that it reads."""
        height = self._dims(number)[1]
        lines = []
        for tap in range((rows.extent - 1) // rows.dilation + 1):
            first = tap * rows.dilation - rows.pad
            first += -(min(first, 0) // rows.stride) * rows.stride
            if first < height:
                lines.append(_Line(number, node, span, first, rows.stride, tap, 1))
        return lines if len(lines) > 1 else [_Line(number, node, span)]  # one tap reads each row but once

    def _pairs(self, segment: _Segment) -> list[tuple[int, int]]:
        """(a, b): of the windows over a tensor, those that make b are shorter than those that make a.  If b is made
        along with a, the tensor's rows need not wait until something asks for b."""
        pairs = []
        for number in segment.tensors:
            readers = [node for node in self._readers(segment, number) if node.rows.gathers]
            if len(readers) > 1:
                longest = max(readers, key=lambda node: node.rows.extent)
                pairs += [
                    (longest.output, node.output)
                    for node in readers
                    if node.rows.extent < longest.rows.extent and node.rows.stride == longest.rows.stride
                ][:1]
        return pairs

    def _walked(self, draft: _Segment, cuts: int, classes: bool, along: bool) -> _Segment | None:
        """A draft with its lines; None if there are too many of them, or of units."""
        segment = replace(draft, lines=[], then={}, slots=[], shares={}, over={})
        maker = {node.output: node for node in segment.nodes}
        # What goes row by row is made of whole rows, and so is what an op reads place by place that makes it.
        uncut = {*segment.given, *(number for number in segment.kept if number not in segment.whole)}
        for last in reversed(segment.nodes):
            if last.output in uncut and not last.rows.gathers:
                uncut.update(last.inputs)
        for number in segment.tensors:
            node = maker.get(number)
            width = self._dims(number)[2]
            span = width if number in uncut else -(-width // cuts)
            reader = self._again_for(segment, number) if number in self.again and span < width else None
            if reader is not None:
                segment.lines += self._lines_of_taps(number, node, span, reader.rows)
                continue
            count = self._classes(segment, number) if classes else 1
            segment.lines += [_Line(number, node, span, row, count) for row in range(count)]
        of_tensor: dict[int, list[int]] = {}
        for index, line in enumerate(segment.lines):
            of_tensor.setdefault(line.tensor, []).append(index)
        if along:
            for a, b in self._pairs(segment):
                if len(of_tensor[a]) == len(of_tensor[b]) == 1 and a not in segment.kept and b not in segment.kept:
                    segment.then[of_tensor[a][0]] = of_tensor[b][0]
            segment.then = {a: b for a, b in segment.then.items() if b not in segment.then}
        self._share(segment, of_tensor)
        calls = [self._calls(segment, line, of_tensor) for line in segment.lines]
        if len(segment.lines) > _core.STREAM_LINES_MAX or max(calls) > UNITS_MAX:
            return None
        if self._work(segment, of_tensor, calls) > _core.STREAM_WORK_MAX:
            return None
        self._walk(segment, of_tensor, calls)
        return segment

    def _dims(self, number: int) -> tuple[int, ...]:
        """As the runtime sees it: [1, height, width, channels] of an image."""
        return (*self.graph.tensors[number].shape, 1, 1, 1, 1)[:4]

    def _calls(self, segment: _Segment, line: _Line, of_tensor: Mapping[int, list[int]]) -> int:
        """How often the op of a line is called."""
        number, span = line.tensor, line.span
        if line.node is not None and line.node.rows.adds_up:
            number = line.node.inputs[0]
            span = segment.lines[of_tensor[number][0]].span if number in of_tensor else self._dims(number)[2]
        _, height, width, _ = self._dims(number)
        rows = len(range(line.first_row, height, line.row_step))
        return rows * -(-width // span)

    def _work(self, segment: _Segment, of_tensor: Mapping[int, list[int]], calls: Sequence[int]) -> int:
        """What it takes to check the stream at open (check_work in stream_check.c)."""
        work = 0
        for node in segment.nodes:
            taps = (node.rows.extent - 1) // node.rows.dilation + 1
            counts = [len(of_tensor.get(number, ())) for number in node.inputs]
            work += sum(self._dims(node.output)[1] * taps * count for count in counts if count > 1)
        reads = len(segment.lines) + sum(len(node.inputs) * (1 + len(of_tensor[node.output])) for node in segment.nodes)
        leaders = [segment.shares.get(line.tensor, line.tensor) for line in segment.lines]
        return work + sum(
            count * (1 + leaders.count(leader)) * reads for count, leader in zip(calls, leaders, strict=True)
        )

    def _share(self, segment: _Segment, of_tensor: Mapping[int, list[int]]) -> None:
        """Ops that may work in place do so, on a ring that nothing else reads."""
        for node in segment.nodes:
            for index in node.inplace:
                number = node.inputs[index]
                alone = len(self._readers(segment, number)) == 1 and node.inputs.count(number) == 1
                rings = number in of_tensor and number not in segment.kept and number not in segment.given
                rings = rings and node.output not in segment.kept
                if alone and rings and len(of_tensor[number]) == len(of_tensor[node.output]) == 1:
                    segment.shares[number] = node.output
                    break
        for number in segment.shares:
            while segment.shares[number] in segment.shares:
                segment.shares[number] = segment.shares[segment.shares[number]]

    def _walk(self, segment: _Segment, of_tensor: Mapping[int, list[int]], calls: Sequence[int]) -> None:
        """Finds slots and overlaps."""
        lines = []
        for index, line in enumerate(segment.lines):
            _, height, width, _ = self._dims(line.tensor)
            leader = of_tensor[segment.shares.get(line.tensor, line.tensor)][0]
            leader = index if line.tensor not in segment.shares else leader
            kept, whole = line.tensor in segment.kept, line.tensor in segment.whole
            pixel = _pixel_bytes(self.graph.tensors[line.tensor])
            then = segment.then.get(index, index)
            tensor = (height, width, pixel, calls[index], leader, then)
            rows = (line.span, line.first_row, line.row_step, line.first_tap, line.taps)
            lines.append((*tensor, *rows, kept, whole))
        images: dict[int, int] = {}
        reads = []
        for index, line in enumerate(segment.lines):
            if line.node is None:
                continue
            r = line.node.rows
            geometry = (r.extent, r.extent_w, r.stride, r.stride_w, r.pad, r.pad_w, r.dilation, r.adds_up)
            for i, number in enumerate(line.node.inputs):
                in_place = i in line.node.inplace and not r.gathers
                for source in of_tensor.get(number, []):
                    reads.append((index, source, 0, *geometry, in_place))
                if number not in of_tensor:
                    reads.append((index, images.setdefault(number, len(images)), 1, *geometry, in_place))
        shapes = [(*self._dims(number)[1:3], _pixel_bytes(self.graph.tensors[number])) for number in images]
        segment.slots, below = _core.walk_stream(lines, reads, shapes)
        count = len(images)
        self._overlap(segment, {n: below[of_tensor[n][0] * count :][:count] for n in segment.whole}, images)

    def _overlap(self, segment: _Segment, below: Mapping[int, Sequence[int]], images: Mapping[int, int]) -> None:
        """Lets what lies whole overlap what is read for the last time, where that saves memory."""
        end = segment.nodes[-1].position + 1
        found = []
        for number, distances in below.items():
            if self._rows[self._producer[number]].adds_up:  # type: ignore[union-attr]
                continue
            by_root: dict[int, int] = {}
            for image, index in images.items():
                root = self.graph.root(image)
                by_root[root] = max(by_root.get(root, distances[index]), distances[index])
            for root, distance in by_root.items():
                tensor = self.graph.tensors[root]
                if tensor.data is not None or self._end[root] >= end:
                    continue
                start = distance + -distance % ALIGN
                under, size = tensor.nbytes, self.graph.tensors[number].nbytes
                both = max(under, size - start) - min(0, -start)
                saved = round_up(under) + round_up(size) - round_up(both)
                if saved > 0:
                    found.append((-saved, number, root, start))
        used: set[int] = set()
        for less, number, root, start in sorted(found):
            if number not in segment.over and root not in used:
                segment.over[number] = (root, start)
                segment.saved -= less
                used.add(root)

    # ---- Bytes -------------------------------------------------------------------------------------------

    def stream(self, segment: _Segment) -> Stream:
        """A segment as it is packed."""
        lines: dict[int, tuple[Line, ...]] = {}
        nbytes: dict[int, int] = {}
        for number in segment.tensors:
            leader = segment.shares.get(number, number)
            before, behind, padding = self._sides(segment, leader)
            tensor = self.graph.tensors[number]
            pixel, width = _pixel_bytes(tensor), self._dims(number)[2]
            own = [(i, line) for i, line in enumerate(segment.lines) if line.tensor == number]
            leading = [i for i, line in enumerate(segment.lines) if line.tensor == leader]
            made, total = [], 0
            for place, (index, line) in enumerate(own):
                kept, producer = number in segment.kept, None if line.node is None else line.node.position
                rows = (line.first_row, line.row_step, line.first_tap, line.taps)
                rest = (line.span, kept, producer, *rows, segment.then.get(index))
                slots = segment.slots[leading[place]]
                if number in segment.whole:
                    made.append(Line(0, 0, 0, 0, *rest))
                    total = tensor.nbytes
                elif line.span == width and len(own) == 1:
                    row = width * pixel
                    lead = -(-before * pixel // WORD) * WORD
                    pitch = row + max(before, behind) * pixel
                    pitch = -(-pitch // WORD) * WORD if slots > 1 else pitch
                    total = lead + (slots - 1) * pitch + row + behind * pixel
                    made.append(Line(slots, pitch, lead, padding, *rest))
                else:
                    lead = total + -total % WORD
                    total = lead + slots * line.span * pixel
                    made.append(Line(slots, line.span * pixel, lead, padding, *rest))
            lines[number], nbytes[number] = tuple(made), total
        units = {node.position: self._unit(node, lines) for node in segment.nodes}
        first, count = segment.nodes[0].position, len(segment.nodes)
        return Stream(first, count, lines, nbytes, segment.shares, segment.over, units)

    def _behind(self, node: _Node, number: int) -> int:
        """Columns of padding that an op reads behind the rows of an input."""
        rows, width = node.rows, self._dims(number)[2]
        columns = (self._dims(node.output)[2] - 1) * rows.stride_w + rows.extent_w
        return max(columns - rows.pad_w - width, 0)

    def _sides(self, segment: _Segment, number: int) -> tuple[int, int, int]:
        """(columns before, columns behind, what they hold) of the padding beside a tensor's rows."""
        before = behind = padding = 0
        for node in self._readers(segment, number):
            if node.rows.gathers and not node.rows.cuts:
                before, behind = max(before, node.rows.pad_w), max(behind, self._behind(node, number))
                padding = node.rows.padding if node.rows.pad_w or self._behind(node, number) else padding
        return before, behind, padding

    def _unit(self, node: _Node, lines: Mapping[int, tuple[Line, ...]]) -> tuple[int, int]:
        """How an op is called; its input as groat_reach_of sees it."""
        number = node.inputs[0]
        width, pixel = self._dims(number)[2], _pixel_bytes(self.graph.tensors[number])
        pixels = width if node.rows.adds_up else lines[node.output][0].span
        line = lines[number][0] if number in lines and lines[number][0].slots > 0 else None
        if line is not None and line.span < width:
            return pixels, PIECES
        before, behind = node.rows.pad_w * pixel, self._behind(node, number) * pixel
        if node.rows.cuts or max(before, behind) == 0:
            return pixels, PADDED
        room = line is not None and line.lead >= before and line.pitch >= width * pixel + max(before, behind)
        return pixels, PADDED if room and line is not None and line.padding == node.rows.padding else BARE

    def cost(self, first: int, end: int, cuts: int = 1) -> int | None:
        """Bytes alive while ops [first, end) run as a stream; None if they cannot."""
        key = (first, end, cuts)
        if key not in self._costs:
            segment = self.segment(first, end, cuts)
            self._costs[key] = None if segment is None else self._bytes(first, segment)
        return self._costs[key]

    def _bytes(self, first: int, segment: _Segment) -> int:
        total = round_up(STATE_BYTES * len(segment.lines)) - segment.saved
        stream = self.stream(segment)
        for number, size in stream.nbytes.items():
            if number not in segment.shares:
                total += round_up(size)
        shared = [self._scratch(n.position, *stream.units[n.position]) for n in segment.nodes if not n.rows.adds_up]
        total += round_up(max(shared, default=0))
        return total + self._sums(segment) + self._held_bytes(first)

    def _sums(self, segment: _Segment) -> int:
        return sum(round_up(SUM_BYTES * self._dims(node.inputs[0])[3]) for node in segment.nodes if node.rows.adds_up)

    def least_cost(self, first: int, end: int) -> int | None:
        """A lower bound of `cost`, whatever the cuts, that is found sooner; None just when `cost` always is."""
        key = (first, end)
        if key not in self._least_costs:
            draft = self._draft(first, end)
            self._least_costs[key] = None if draft is None else self._least_bytes(draft, first, end)
        return self._least_costs[key]

    def _least_bytes(self, draft: _Segment, first: int, end: int) -> int:
        total = round_up(STATE_BYTES * len(draft.nodes)) + self._sums(draft)
        written = sorted((round_up(self.graph.tensors[n].nbytes) for n in draft.whole), reverse=True)
        read = {self.graph.root(n) for node in draft.nodes for n in node.inputs} - set(draft.tensors)
        dying = [round_up(self.graph.tensors[n].nbytes) for n in read if self._end[n] < end]
        total += sum(written) - sum(min(a, b) for a, b in zip(written, sorted(dying, reverse=True), strict=False))
        wanted = set(draft.kept)  # rows of an op whose output nothing reads are never made
        for node in reversed(draft.nodes):
            wanted.update(node.inputs if node.output in wanted else ())
        for number in draft.tensors:
            if number not in draft.whole and number not in self.again:
                total += self._least_ring(draft, number, wanted)
        return total + self._held_bytes(first)

    def _least_ring(self, segment: _Segment, number: int, wanted: set[int]) -> int:
        """Bytes of the rows that a window has read and the next one reads again."""
        _, height, width, _ = self._dims(number)
        most = 0
        for node in self._readers(segment, number):
            rows = node.rows
            first = -(-rows.pad // rows.stride)
            fits = first * rows.stride - rows.pad + rows.extent <= height and first + 1 < self._dims(node.output)[1]
            if rows.gathers and rows.dilation == 1 and fits and node.output in wanted:
                most = max(most, rows.extent - rows.stride)
        return most * width * _pixel_bytes(self.graph.tensors[number])

    def _held_bytes(self, first: int) -> int:
        """Bytes of the tensors from before an op that are still read by it or later."""
        return sum(round_up(self.graph.tensors[number].nbytes) for number in self._held_at(first))

    def _held_at(self, first: int) -> list[int]:
        return [n for p, n in self._held if p < first and self._end.get(n, p) >= first and n not in self._inputs]

    def takes_rows(self, position: int) -> bool:
        """Whether an op reads an input, or makes an output, that goes row by row, and so is part of a stream."""
        op = self.graph.ops[position]
        reads = any(self.graph.root(number) in self._inputs for number in self._reads[position])
        return reads or any(number in self._rows_out for number in op.outputs)

    def single(self, position: int) -> int | None:
        """Bytes alive while an op runs by itself, on whole tensors.  None if it cannot."""
        op = self.graph.ops[position]
        if self.takes_rows(position):
            return None
        total = self._held_bytes(position) + round_up(self._scratch(position, 0, PADDED))
        inputs = [self.graph.tensors[number] for number in op.inputs]
        outputs = [self.graph.tensors[number] for number in op.outputs]
        for index in op_def(op.kind).inplace(op, inputs, outputs) if op_row(op.kind).inplace else ():
            root = self.graph.root(op.inputs[index])
            if root in self._held_at(position) and self._end[root] == position:
                return total
        return total + sum(round_up(tensor.nbytes) for tensor in outputs)

    # ---- For the choice ----------------------------------------------------------------------------------

    def goes_by_parts(self, position: int) -> bool:
        """Whether an op can be one of a stream."""
        return self._rows[position] is not None

    def worth_making_again(self, stretch: Stretch) -> list[int]:
        """The two tensors of a stretch of which windows read the most bytes more than once, if few others are needed to
        make them again: they come from 1x1 windows over narrower ones."""
        segment = self._draft(stretch.first, stretch.end)
        found = []
        for node in segment.nodes if segment is not None and stretch.cuts else ():
            number, rows = node.output, node.rows
            wider = self.graph.tensors[number].nbytes > sum(self.graph.tensors[n].nbytes for n in node.inputs)
            if number in self.again or rows.adds_up or rows.extent > 1 or rows.stride > 1 or not wider:
                continue
            if segment is not None and self._again_for(segment, number) is not None:
                found.append((-self._least_ring(segment, number, {n.output for n in segment.nodes}), number))
        return [number for _, number in sorted(found)[:2]]

    def bytes_alive(self, stretch: Stretch) -> int:
        """The most bytes alive in a stretch."""
        alive = self.cost(stretch.first, stretch.end, stretch.cuts) if stretch.cuts else self.single(stretch.first)
        assert alive is not None
        return alive

    def overhead(self, first: int, end: int, cuts: int) -> float:
        """Instructions of a stream beside its arithmetic, about."""
        draft = self._draft(first, end)
        assert draft is not None
        total = 0
        for node in draft.nodes:
            _, height, width, _ = self._dims(node.output)
            total += CALL_INSTRUCTIONS * height * min(cuts, width)
            total += READ_INSTRUCTIONS * self._read_again(node, node.inputs[0] in draft.tensors)
        return total

    def _read_again(self, node: _Node, padded: bool) -> int:
        """Bytes that an op with few products reads part by part, weighted."""
        _, _, width, channels = self._dims(node.inputs[0])
        _, height, _, _ = self._dims(node.output)
        nbytes = height * node.rows.extent * width * channels
        few = macs_of(self.graph, self.graph.ops[node.position]) < FEW_PRODUCTS * nbytes
        if not node.rows.gathers or node.rows.cuts or not few:
            return 0
        sides = node.rows.pad_w > 0 or self._behind(node, node.inputs[0]) > 0
        return nbytes * (BARE_READS if sides and not padded else 1)

    def why_not_by_rows(self) -> str:
        """Which input or output cannot go row by row, and which op is in the way."""
        graph = self.graph

        def refused(what: str, number: int, why: str) -> str:
            return f"{graph.name}: {what} {graph.tensors[number].name!r} cannot go row by row: {why}; keep it resident"

        for position, op in enumerate(graph.ops):
            comes = [number for number in self._reads[position] if graph.root(number) in self._inputs]
            goes = [number for number in op.outputs if number in self._rows_out]
            rows = self._rows[position]
            if comes and rows is None:
                return refused("input", comes[0], f"op {op.index} {op.kind} reads all of it at once")
            if goes and (rows is None or rows.adds_up):
                return refused("output", goes[0], f"op {op.index} {op.kind} writes all of it at once")
            if goes and goes[0] not in graph.outputs:
                return refused("output", goes[0], f"its shape changes behind op {op.index} {op.kind}")
        ends = " or ".join(["an input"] * bool(self._inputs) + ["an output"] * bool(self._rows_out))
        return f"{graph.name}: {ends} cannot go row by row: not all ops that read it run together; keep it resident"

    def schedule(self, stretches: Sequence[Stretch]) -> Schedule:
        """The schedule of stretches that cover all ops."""
        streams = []
        for stretch in stretches:
            if stretch.cuts > 0:
                segment = self.segment(stretch.first, stretch.end, stretch.cuts)
                if segment is None:
                    raise InputError(f"{self.graph.name}: ops {stretch.first} to {stretch.end - 1} do not run together")
                streams.append(self.stream(segment))
        return Schedule(tuple(streams))


def _is_image(tensor: Tensor) -> bool:
    return len(tensor.shape) == 4 and tensor.shape[0] == 1


def _pixel_bytes(tensor: Tensor) -> int:
    """As the runtime sees it."""
    return (*tensor.shape, 1, 1, 1, 1)[3] * np.dtype(tensor.dtype).itemsize
