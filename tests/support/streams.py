# SPDX-License-Identifier: Apache-2.0
"""Random schedules, and a replay of a schedule on a model of memory that knows who wrote each byte.

The replay shares nothing with the planner or the runtime but the packed file: it makes units by recursion, takes the
geometry of ops from their attributes, and looks at bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from groat.graph import Graph, Op
from groat.ops import op_def, op_row
from groat.pack import pack_steps, structs, write
from groat.planner import Plan, plan_memory
from groat.planner.streams import Streams, Stretch

PADDING, STATE, SCRATCH = -1, -2, -3
PIXELS = 1_000_000  # more than a tensor has


def random_schedule(
    graph: Graph, seed: int, rows_in: bool, rows_out: bool = False
) -> tuple[Plan, bytes, dict[int, int]] | None:
    """A graph with streams at random places, of rows cut at random: (plan, packed, tensor ids).  None if an input
    cannot come, or an output go, by rows."""
    rng = np.random.default_rng(seed)
    written = frozenset(number for op in graph.ops for number in op.outputs)
    again = frozenset(number for number in sorted(written) if rng.random() < 0.5) if rng.random() < 0.4 else frozenset()
    streams = Streams(graph, rows_in, rows_out, again=again)
    stretches: list[Stretch] = []
    first, count = 0, len(graph.ops)
    while first < count:
        ends = [end for end in range(first + 1, count + 1) if streams.segment(first, end)]
        layer = streams.single(first) is not None and (not ends or rng.random() < 0.2)
        if not layer and not ends:
            return None
        end = first + 1 if layer else max(ends) if rng.random() < 0.4 else int(rng.choice(ends))
        cuts = 0 if layer else int(rng.choice([1, 1, 2, 3, 5, 100]))
        stretches.append(Stretch(first, end, cuts))
        first = end
    schedule = streams.schedule(stretches)
    steps = pack_steps(graph, "ref", schedule)
    plan = plan_memory(graph, [step.scratch_bytes for step in steps.steps], schedule)
    packed, ids = write(graph, steps, plan, bytes(32))
    return plan, packed, ids


class Replay:
    """Runs a packed schedule on bytes that remember who wrote them."""

    def __init__(self, graph: Graph, packed: bytes, ids: dict[int, int]) -> None:
        self.graph = graph
        header = structs.record(packed, "groat_header", 0)

        def rows(struct: str, section: Any) -> Any:
            return structs.table(packed, struct, section.offset, section.count)

        self._tables = [rows(f"groat_{name}", getattr(header, f"{name}s")) for name in _TABLES]
        self.steps, self.tensors, self.buffers, self.streams, self.lines = self._tables
        self.ids = ids
        # Regions lie one behind the other.
        sizes = [region.bytes for region in rows("groat_region", header.regions)]
        self.bases = [0, *np.cumsum(sizes)]
        self.owner = np.full(sum(sizes), -9, np.int64)
        self.none = structs.constants().GROAT_NONE
        self.made: dict[int, int] = {}  # units of each line
        self.asked: set[int] = set()

    # ---- Places ------------------------------------------------------------------------------------------

    def _buffer(self, number: int) -> Any:
        return self.buffers[self.tensors[self.ids[number]].buffer]

    def _address(self, buffer: Any) -> int:
        start = int(self.bases[buffer.region - 1])
        assert start + buffer.offset + buffer.bytes <= self.bases[buffer.region], "beyond the region"
        return start + int(buffer.offset)

    def _dims(self, number: int) -> tuple[int, int, int]:
        """(height, width, bytes of a pixel)"""
        tensor = self.graph.tensors[number]
        _, height, width, channels = (*tensor.shape, 1, 1, 1, 1)[:4]
        return height, width, channels * np.dtype(tensor.dtype).itemsize

    def _lines(self, number: int) -> list[int]:
        first = self.tensors[self.ids[number]].line if number in self.ids else self.none
        return [] if first == self.none else list(range(first, first + self.lines[first].more + 1))

    def _units(self, number: int, line: int) -> list[tuple[int, int, int]]:
        """(row, first column, end) of each unit of a line."""
        record = self.lines[line]
        height, width, _ = self._dims(number)
        rows = range(record.first_row, height, record.row_step)
        return [(y, x, min(x + record.span, width)) for y in rows for x in range(0, width, record.span)]

    def _pieces(self, number: int, tap: int, y: int, x: int, end: int) -> Iterator[tuple[int, int, int]]:
        """(offset in the arena, first column, end) of each piece in which columns of a row lie."""
        _, width, pixel = self._dims(number)
        start = self._address(self._buffer(number))
        lines = self._lines(number)
        if not lines or self.lines[lines[0]].slots == 0:
            yield start + (y * width + x) * pixel, x, end
            return
        line = next(index for index in lines if self._has(index, tap, y))
        record = self.lines[line]
        per_row = -(-width // record.span)
        while x < end:
            unit = (y - record.first_row) // record.row_step * per_row + x // record.span
            stop = min(end, x // record.span * record.span + record.span)
            place = record.lead + unit % record.slots * record.pitch + x % record.span * pixel
            assert place + (stop - x) * pixel <= self._buffer(number).bytes, f"tensor {number} leaves its buffer"
            yield start + place, x, stop
            x = stop

    def _has(self, line: int, tap: int, y: int) -> bool:
        record = self.lines[line]
        taps = record.taps == 0 or record.first_tap <= tap < record.first_tap + record.taps
        return bool(taps and y >= record.first_row and (y - record.first_row) % record.row_step == 0)

    def _put(self, offset: int, size: int, owner: Any) -> None:
        assert offset >= 0, "before the arena"
        assert offset + size <= len(self.owner), "beyond the arena"
        self.owner[offset : offset + size] = owner

    def _owners(self, number: int, y: int, x: int, end: int) -> Any:
        _, width, pixel = self._dims(number)
        return np.repeat(np.arange(y * width + x, y * width + end) + PIXELS * (self.graph.root(number) + 1), pixel)

    def _write(self, number: int, tap: int, y: int, x: int, end: int) -> None:
        for offset, a, b in self._pieces(number, tap, y, x, end):
            owners = self._owners(number, y, a, b)
            self._put(offset, len(owners), owners)

    def _read(self, number: int, tap: int, y: int, x: int, end: int, where: str) -> None:
        for offset, a, b in self._pieces(number, tap, y, x, end):
            owners = self._owners(number, y, a, b)
            found = self.owner[offset : offset + len(owners)]
            assert (found == owners).all(), f"{where}: row {y} of tensor {number} was overwritten"

    # ---- Running -----------------------------------------------------------------------------------------

    def run(self, plan: Plan) -> None:
        """AssertionError where a byte is read that is not what it should be."""
        graph = self.graph
        for number in map(graph.root, graph.inputs):
            if not any(number in stream.lines for stream in plan.schedule.streams):
                self._write_whole(number)
        position = 0
        while position < len(graph.ops):
            stream = plan.schedule.stream_of(position)
            if stream is None:
                self._run_whole(position)
                position += 1
            else:
                self._run_stream(stream.first, stream.count)
                position += stream.count
        for number in map(graph.root, graph.outputs):
            if all(self.lines[line].slots == 0 for line in self._lines(number)):
                self._read_whole(number, "the end")

    def _bytes_of(self, number: int) -> tuple[int, Any]:
        tensor = self.graph.tensors[number]
        pixel = (*tensor.shape, 1, 1, 1, 1)[3] * np.dtype(tensor.dtype).itemsize
        owners = np.repeat(np.arange(tensor.nbytes // pixel) + PIXELS * (number + 1), pixel)
        return self._address(self._buffer(number)), owners

    def _write_whole(self, number: int) -> None:
        offset, owners = self._bytes_of(number)
        assert len(owners) <= self._buffer(number).bytes
        self._put(offset, len(owners), owners)

    def _read_whole(self, number: int, where: str) -> None:
        offset, owners = self._bytes_of(number)
        assert (self.owner[offset : offset + len(owners)] == owners).all(), f"{where}: tensor {number} was overwritten"

    def _reads(self, op: Op) -> list[int]:
        return [n for n in op_def(op.kind).arguments(op) if self.graph.tensors[self.graph.root(n)].data is None]

    def _run_whole(self, position: int) -> None:
        op = self.graph.ops[position]
        where = f"op {position} ({op.kind})"
        reads = [self.graph.root(number) for number in self._reads(op)]
        self._use_scratch(position)
        for number in reads:
            self._read_whole(number, where)
        for number in op.outputs:
            self._write_whole(number)
        self._scratch_is_left(position)
        places = {self._address(self._buffer(number)) for number in op.outputs}
        for number in reads:
            # What an op works on in place it may overwrite; the rest it still reads while it writes.
            if not (op_row(op.kind).inplace and self._address(self._buffer(number)) in places):
                self._read_whole(number, where)

    def _use_scratch(self, position: int) -> None:
        scratch = self.steps[position].scratch
        if scratch != self.none:
            self._put(self._address(self.buffers[scratch]), self.buffers[scratch].bytes, SCRATCH - position)

    def _scratch_is_left(self, position: int) -> None:
        """Nothing has overwritten what an op has in scratch."""
        if self.steps[position].scratch != self.none:
            self._is_left(self.buffers[self.steps[position].scratch], SCRATCH - position, f"scratch of op {position}")

    def _is_left(self, buffer: Any, owner: int, what: str) -> None:
        start = self._address(buffer)
        assert (self.owner[start : start + buffer.bytes] == owner).all(), f"{what} was overwritten"

    def _run_stream(self, first: int, count: int) -> None:
        ops = range(first, first + count)
        state = next(self.buffers[stream.state] for stream in self.streams if stream.first_step == first)
        self._put(self._address(state), state.bytes, STATE)
        self.makers = {self.graph.ops[p].outputs[0]: p for p in ops}
        touched = {n for p in ops for n in (*self._reads(self.graph.ops[p]), *self.graph.ops[p].outputs)}
        given = {n for n in touched if n not in self.makers and self._lines(n)}
        self.inside = {n for n in self.makers if n in touched}
        self.inside |= {n for n in given if self.lines[self._lines(n)[0]].step == self.none}
        self.made = {line: 0 for number in self.inside for line in self._lines(number)}
        self.tensor_of = {line: number for number in self.inside for line in self._lines(number)}
        for line, number in self.tensor_of.items():
            if self._padded(line):
                self._put(self._address(self._buffer(number)), self._buffer(number).bytes, PADDING)
        for line in sorted((index for index in self.made if self.lines[index].kept), reverse=True):
            while self.made[line] < self._calls(line):
                self._make(line)
        self._is_left(state, STATE, f"the state of the stream from op {first} on")

    def _padded(self, line: int) -> bool:
        """Whether there is padding around a line's rows."""
        record = self.lines[line]
        _, width, pixel = self._dims(self.tensor_of[line])
        return bool(record.slots > 0 and record.span == width and record.pitch > width * pixel)

    def _adds_up(self, number: int) -> bool:
        if number not in self.makers:
            return False
        op = self.graph.ops[self.makers[number]]
        return "mean" in op.kind or ("average_pool_2d" in op.kind and self._is_global(op))

    def _is_global(self, op: Op) -> bool:
        shape = self.graph.tensors[op.inputs[0]].shape
        return bool(tuple(op.attrs["kernel"]) == shape[1:3] and self.graph.tensors[op.outputs[0]].shape[1:3] == (1, 1))

    def _parts(self, line: int) -> list[tuple[int, int, int]]:
        """What each call of a line's op makes; of one that adds up, what it reads."""
        number = self.tensor_of[line]
        if not self._adds_up(number):
            return self._units(number, line)
        source = self._reads(self.graph.ops[self.makers[number]])[0]
        if source in self.inside:
            return self._units(source, self._lines(source)[0])
        height, width, _ = self._dims(source)
        return [(y, 0, width) for y in range(height)]

    def _calls(self, line: int) -> int:
        return len(self._parts(line))

    def _make(self, line: int) -> None:
        """The next unit of a line, after all that it is made from."""
        self.asked.add(line)
        number, unit = self.tensor_of[line], self.made[line]
        y, x, end = self._parts(line)[unit]
        if number in self.makers:
            while (source := self._missing(line)) is not None:
                self._make(source)
        self.asked.discard(line)
        self._do(line, number, y, x, end)
        then = self.lines[line].then
        goes = then != self.none and then not in self.asked and self.made[then] < self._calls(then)
        if goes and self._missing(then) is None:
            self._do(then, self.tensor_of[then], *self._parts(then)[self.made[then]])

    def _do(self, line: int, number: int, y: int, x: int, end: int) -> None:
        if number not in self.makers:
            self._write(number, self.lines[line].first_tap, y, x, end)
            self.made[line] += 1
            return
        position = self.makers[number]
        op = self.graph.ops[position]
        adds_up = self._adds_up(number)
        if adds_up and self.made[line] > 0:
            self._scratch_is_left(position)  # sums live from row to row
        self._use_scratch(position)
        for source in self._reads(op):
            self._read_for(position, source, number, y, x, end)
        self.made[line] += 1
        if not adds_up:
            self._write(number, self.lines[line].first_tap, y, x, end)
        elif self.made[line] == self._calls(line):
            self._write_whole(number)
        self._scratch_is_left(position)

    def _window(self, op: Op, number: int) -> tuple[Any, Any, Any, Any] | None:
        """(kernel, stride, dilation, padding before) of an op that has windows."""
        if op.kind == "pad":
            return (1, 1), (1, 1), (1, 1), (op.attrs["padding"][1][0], op.attrs["padding"][2][0])
        if "kernel" not in op.attrs or self._adds_up(number):
            return None
        attrs = op.attrs
        return attrs["kernel"], attrs["stride"], attrs["dilation"], (attrs["padding"][0][0], attrs["padding"][1][0])

    def _missing(self, line: int) -> int | None:
        """The first line that lacks something that the next unit of a line is made from."""
        number = self.tensor_of[line]
        op = self.graph.ops[self.makers[number]]
        y, _, end = self._parts(line)[self.made[line]]
        for source in self._reads(op):
            if source not in self.inside:
                continue
            for other in self._lines(source):
                if self.made[other] < self._needed(op, number, source, other, self.made[line], y, end):
                    return other
        return None

    def _needed(self, op: Op, number: int, source: int, line: int, unit: int, y: int, end: int) -> int:
        """How many units of a line there must be."""
        if self._adds_up(number):
            return unit + 1
        record = self.lines[line]
        height, width, _ = self._dims(source)
        kernel, stride, dilation, pad = self._window(op, number) or ((1, 1), (1, 1), (1, 1), (0, 0))
        top = y * stride[0] - pad[0]
        first, last = top, top + (kernel[0] - 1) * dilation[0]
        if record.taps:
            first = top + record.first_tap * dilation[0]
            last = first + (record.taps - 1) * dilation[0]
        rows = [r for r in range(record.first_row, height, record.row_step) if first <= r <= last]
        if not rows:
            return 0
        column = max(min((end - 1) * stride[1] - pad[1] + (kernel[1] - 1) * dilation[1] + 1, width), 0)
        per_row = -(-width // record.span)
        row = (rows[-1] - record.first_row) // record.row_step
        if record.span >= width:
            return int(row + 1)  # a row is there or not, whichever of its columns are read
        return int(row * per_row + -(-column // record.span))

    def _read_for(self, position: int, source: int, number: int, y: int, x: int, end: int) -> None:
        """All that a part is made from is there, and so is the padding beside it."""
        op = self.graph.ops[position]
        where = f"op {position} ({op.kind})"
        height, width, pixel = self._dims(source)
        window = self._window(op, number)
        if window is None:
            self._read(source, 0, y, x, end, where)
            return
        kernel, stride, dilation, pad = window
        left = x * stride[1] - pad[1]
        right = (end - 1) * stride[1] - pad[1] + (kernel[1] - 1) * dilation[1] + 1
        for tap in range(kernel[0]):
            row = y * stride[0] - pad[0] + tap * dilation[0]
            if not 0 <= row < height:
                continue
            a, b = max(left, 0), min(right, width)
            if a >= b:
                continue
            self._read(source, tap, row, a, b, where)
            lines = self._lines(source)
            cuts = op.kind == "pad" or "pool" in op.kind
            if cuts or not lines or lines[0] not in self.tensor_of or not self._padded(lines[0]):
                continue
            before, behind = pad[1], max(self._right(op, number) - width, 0)
            record = self.lines[lines[0]]
            room = record.lead >= before * pixel and record.pitch >= (width + max(before, behind)) * pixel
            if room and record.padding == op.attrs.get("input_zero_point", 0):
                ((offset, _, _),) = self._pieces(source, tap, row, a, b)
                beside = [self.owner[offset - (a - left) * pixel : offset]]
                beside.append(self.owner[offset + (b - a) * pixel : offset + (right - a) * pixel])
                assert len(np.concatenate(beside)) == (right - left - (b - a)) * pixel
                assert (np.concatenate(beside) == PADDING).all(), f"{where}: no padding beside row {row}"

    def _right(self, op: Op, number: int) -> int:
        attrs, out_width = op.attrs, self._dims(number)[1]
        last = (out_width - 1) * attrs["stride"][1] - attrs["padding"][1][0]
        return int(last + (attrs["kernel"][1] - 1) * attrs["dilation"][1] + 1)


_TABLES = ("step", "tensor", "buffer", "stream", "line")
