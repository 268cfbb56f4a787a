# SPDX-License-Identifier: Apache-2.0
"""Random schedules, and a replay of a schedule on a model of memory that knows who wrote each byte.

The replay shares nothing with the planner or the runtime but the packed file: it makes rows by recursion, takes the
geometry of ops from their attributes, and looks at bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from groat.graph import Graph, Op
from groat.ops import op_def
from groat.pack import pack_steps, structs, write
from groat.planner import Plan, plan_memory
from groat.planner.streams import Streams, apply_streams

PADDING, SCRATCH, STATE = -1, -2, -3


def random_schedule(graph: Graph, seed: int, rows_in: bool) -> tuple[Graph, Plan, bytes, dict[int, int]] | None:
    """A graph with streams at random places: (graph, plan, packed, tensor ids).  None if an input cannot come by
    rows."""
    rng = np.random.default_rng(seed)
    streams = Streams(graph, rows_in)
    stretches: list[tuple[int, int]] = []
    first, count = 0, len(graph.ops)
    while first < count:
        ends = [end for end in range(first + 1, count + 1) if end == first + 1 or streams.segment(first, end)]
        end = max(ends) if rng.random() < 0.4 else int(rng.choice(ends))
        needed = streams.takes_rows(first) and streams.segment(first, end) is None
        if needed:
            return None
        stretches.append((first, end))
        first = end
    for a, b in stretches:
        if b - a == 1 and streams.takes_rows(a) and streams.segment(a, b) is None:
            return None
    found, schedule = apply_streams(streams, stretches)
    steps = pack_steps(found, "ref", schedule)
    plan = plan_memory(found, [step.scratch_bytes for step in steps.steps], schedule)
    packed, ids = write(found, steps, plan, bytes(32))
    return found, plan, packed, ids


@dataclass(frozen=True)
class _Window:
    """The rows of an input that make row y of an output, and how wide it reads beside them, in columns."""

    rows: tuple[int, ...]
    before: int
    behind: int


def _window(op: Op, graph: Graph, number: int, y: int) -> _Window:
    shape = graph.tensors[number].shape
    height, width = shape[1], shape[2]
    if op.kind in ("conv_2d", "depthwise_conv_2d", "average_pool_2d", "max_pool_2d"):
        attrs = op.attrs
        kernel, stride, dilation, padding = attrs["kernel"], attrs["stride"], attrs["dilation"], attrs["padding"]
        places = [y * stride[0] - padding[0][0] + tap * dilation[0] for tap in range(kernel[0])]
        rows = tuple(row for row in places if 0 <= row < height)
        if "pool" in op.kind:
            return _Window(rows, 0, 0)
        out_width = graph.tensors[op.outputs[0]].shape[2]
        last = (out_width - 1) * stride[1] - padding[1][0] + (kernel[1] - 1) * dilation[1]
        return _Window(rows, padding[1][0], max(last - width + 1, 0))
    return _Window((y,), 0, 0)


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
        sizes = [region.bytes for region in rows("groat_region", header.regions)]
        # One region behind the other.
        self.bases = [0, *np.cumsum(sizes)]
        self.owner = np.full(sum(sizes), -9, np.int64)
        self.none = structs.constants().GROAT_NONE
        self.made: dict[int, int] = {}

    # ---- Places ------------------------------------------------------------------------------------------

    def _buffer(self, number: int) -> Any:
        return self.buffers[self.tensors[self.ids[number]].buffer]

    def _line(self, number: int) -> Any:
        line = self.tensors[self.ids[number]].line
        return None if line == self.none else self.lines[line]

    def _row_bytes(self, number: int) -> int:
        tensor = self.graph.tensors[number]
        return tensor.nbytes // (tensor.shape[1] if len(tensor.shape) == 4 else 1)

    def _row(self, number: int, y: int) -> tuple[int, int]:
        """(address, bytes) of a row."""
        line, size = self._line(number), self._row_bytes(number)
        place = y * size if line is None else line.lead + y % line.slots * line.pitch
        buffer = self._buffer(number)
        assert place + size <= buffer.bytes, f"row {y} of tensor {number} leaves its buffer"
        return self._address(buffer) + place, size

    def _address(self, buffer: Any) -> int:
        start = int(self.bases[buffer.region - 1])
        assert start + buffer.offset + buffer.bytes <= self.bases[buffer.region], "beyond the region"
        return start + int(buffer.offset)

    def _write(self, offset: int, size: int, owner: int) -> None:
        assert offset >= 0, "before the arena"
        assert offset + size <= len(self.owner), "beyond the arena"
        self.owner[offset : offset + size] = owner

    def _owner_of(self, number: int, y: int) -> int:
        return number * 100_000 + y

    # ---- Running -----------------------------------------------------------------------------------------

    def run(self, plan: Plan) -> None:
        """AssertionError where a byte is read that is not what it should be."""
        graph = self.graph
        given = {n for s in plan.schedule.streams for n, line in s.lines.items() if line.producer is None}
        for number in map(graph.root, graph.inputs):
            if number not in given:
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
            self._read_whole(number, "the end")

    def _write_whole(self, number: int) -> None:
        tensor = self.graph.tensors[number]
        buffer = self._buffer(number)
        assert tensor.nbytes <= buffer.bytes
        rows = tensor.shape[1] if len(tensor.shape) == 4 else 1
        for y in range(rows):
            size = tensor.nbytes // rows
            self._write(self._address(buffer) + y * size, size, self._owner_of(number, y))

    def _read_whole(self, number: int, where: str) -> None:
        tensor = self.graph.tensors[number]
        rows = tensor.shape[1] if len(tensor.shape) == 4 else 1
        for y in range(rows):
            self._read(number, y, self._address(self._buffer(number)) + y * (tensor.nbytes // rows), where)

    def _read(self, number: int, y: int, offset: int, where: str) -> None:
        size = self._row_bytes(number)
        found = self.owner[offset : offset + size]
        assert (found == self._owner_of(number, y)).all(), f"{where}: row {y} of tensor {number} was overwritten"

    def _reads(self, op: Op) -> list[int]:
        return [n for n in op_def(op.kind).arguments(op) if self.graph.tensors[self.graph.root(n)].data is None]

    def _run_whole(self, position: int) -> None:
        op = self.graph.ops[position]
        for number in self._reads(op):
            self._read_whole(self.graph.root(number), f"op {position}")
        self._use_scratch(position)
        for number in op.outputs:
            self._write_whole(number)

    def _use_scratch(self, position: int) -> None:
        scratch = self.steps[position].scratch
        if scratch != self.none:
            self._write(self._address(self.buffers[scratch]), self.buffers[scratch].bytes, SCRATCH - 10 * position)

    def _run_stream(self, first: int, count: int) -> None:
        ops = range(first, first + count)
        self.makers = {self.graph.ops[p].outputs[0]: p for p in ops}
        touched = {n for p in ops for n in (*self._reads(self.graph.ops[p]), *self.graph.ops[p].outputs)}
        self.inside = {n for n in touched if n in self.ids and self._line(n) is not None}
        self.inside -= {n for n in self.inside if n not in self.makers and self._line(n).step != self.none}
        self.made = dict.fromkeys(self.inside, 0)
        for number in self.inside:
            line = self._line(number)
            ring = line.lead > 0 or line.pitch > self._row_bytes(number) or line.slots < self._height(number)
            if ring:
                self._write(self._address(self._buffer(number)), self._buffer(number).bytes, PADDING)
        kept = [n for n in self.inside if self._line(n).kept]
        for number in sorted(kept, key=lambda n: -self.makers[n]):
            for y in range(self._calls(number)):
                if self.made[number] == y:
                    self._make(number)

    def _height(self, number: int) -> int:
        shape = self.graph.tensors[number].shape
        return shape[1] if len(shape) > 1 else 1

    def _adds_up(self, number: int) -> bool:
        op = self.graph.ops[self.makers[number]]
        tensors = self.graph.tensors
        rows = op_def(op.kind).rows(op, [tensors[n] for n in op.inputs], [tensors[n] for n in op.outputs])
        return rows is not None and rows.adds_up

    def _calls(self, number: int) -> int:
        if self._adds_up(number):
            return self._height(self._reads(self.graph.ops[self.makers[number]])[0])
        return self._height(number)

    def _make(self, number: int) -> None:
        """The next row of a tensor, after all that it is made from."""
        y = self.made[number]
        if number not in self.makers:  # an input, row by row
            offset, size = self._row(number, y)
            self._write(offset, size, self._owner_of(number, y))
            self.made[number] += 1
            return
        position = self.makers[number]
        op = self.graph.ops[position]
        windows = {n: _window(op, self.graph, n, y) for n in self._reads(op)}
        restart = True
        while restart:
            restart = False
            for source in windows:
                end = self._end(op, source, y)
                if source in self.inside and self.made[source] < end:
                    self._make(source)
                    restart = True
                    break
        for source, window in windows.items():
            self._read_window(position, source, window)
        if not self._adds_up(number):
            self._use_scratch(position)
            offset, size = self._row(number, y)
            self._write(offset, size, self._owner_of(number, y))
        elif y + 1 == self._calls(number):
            self._write_whole(number)
        self.made[number] += 1

    def _end(self, op: Op, source: int, y: int) -> int:
        """How many rows of an input there must be for row y."""
        height = self._height(source)
        if "kernel" in op.attrs and not self._adds_up(op.outputs[0]):
            reach = (op.attrs["kernel"][0] - 1) * op.attrs["dilation"][0] + 1
            return min(max(y * op.attrs["stride"][0] - op.attrs["padding"][0][0] + reach, 0), height)
        return y + 1

    def _read_window(self, position: int, source: int, window: _Window) -> None:
        op = self.graph.ops[position]
        where = f"op {position} ({op.kind})"
        adds_up = self._adds_up(op.outputs[0])
        rows = (self.made[op.outputs[0]],) if adds_up else window.rows
        for y in rows:
            root = self.graph.root(source)
            offset, size = self._row(source if source in self.ids else root, y)
            self._read(root, y, offset, where)
            pixel = size // self.graph.tensors[source].shape[2]
            if adds_up:
                continue
            before = self.owner[offset - window.before * pixel : offset]
            behind = self.owner[offset + size : offset + size + window.behind * pixel]
            beside = np.concatenate([before, behind])
            assert len(beside) == (window.before + window.behind) * pixel
            assert (beside == PADDING).all(), f"{where}: no padding beside row {y}"


_TABLES = ("step", "tensor", "buffer", "stream", "line")
