# SPDX-License-Identifier: Apache-2.0
"""Writes the packed format.  The same graph and plan give the same bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from groat.errors import ModelError
from groat.graph import Graph, Op, Tensor
from groat.graph.ir import STATE_KINDS, Array
from groat.isa import core
from groat.ops import macs_of, op_def, op_row
from groat.ops.base import MOVED
from groat.pack import structs
from groat.pack.layouts import AnyFilters, Candidate, Layouts, Packed, candidates, layouts_of
from groat.planner import Plan, Schedule

DTYPES = {name: f"GROAT_{name.upper()}" for name in MOVED}
UINT32_MAX = 2**32 - 1
WHOLE = (0, 0)  # the unit of an op that runs by itself
# Fields of groat_line that planner.streams.Line has too.
_LINE_FIELDS = ("lead", "pitch", "slots", "span", "first_row", "row_step", "first_tap", "taps", "padding", "kept")


Place = tuple[Tensor, int]
Offered = dict[tuple[str, str, Place], tuple[Candidate, ...]]
"""What a kernel set offers for a layer, by packing, kernel, the tensor that the layer writes and how many
pixels it makes at a time.  To lay out weights takes most of the time of packing, and schedules have most of it in
common."""


class _Selector:
    """The layouts module that an op sees while it is packed: for the first kernel that it asks for it gets, of all
    candidates, the one that was chosen; everything else is the module's own."""

    def __init__(self, packing: str, chosen: Candidate | None, offered: Offered, place: Place) -> None:
        self._packing = packing
        self._asked = False
        self._offered = offered
        self._place = place
        self.chosen = chosen
        self.candidates: tuple[Candidate, ...] = ()

    def __getattr__(self, name: str) -> Any:
        value = getattr(layouts_of(self._packing), name)
        if self._asked or not callable(value):
            return value

        def lay_out(filters: AnyFilters | Sequence[AnyFilters]) -> Packed | list[Packed]:
            self._asked = True
            if self.chosen is None:
                key = (self._packing, name, self._place)
                if key not in self._offered:
                    self._offered[key] = tuple(candidates(self._packing, name, filters))
                self.candidates = self._offered[key]
                self.chosen = self.candidates[0]
            return list(self.chosen.packed) if isinstance(filters, Sequence) else self.chosen.packed[0]

        return lay_out


class _Constants:
    """The bytes behind the header: weights, tables, parameter structs.  Equal bytes are stored once."""

    layouts: Layouts

    def __init__(self, start: int, align: int) -> None:
        self.pixels = 0
        self.data = bytearray()
        self._start = start
        self._align = align
        self._offsets: dict[bytes, int] = {}

    def add(self, data: bytes) -> int:
        if data not in self._offsets:
            self.data.extend(b"\0" * (-len(self.data) % self._align))
            self._offsets[data] = self._start + len(self.data)
            self.data.extend(data)
        return self._offsets[data]


@dataclass(frozen=True)
class PackedStep:
    """One op with its parameters as the device will read them.

    Attributes:
        params: offset of the parameter struct in the file.
        scratch_bytes: what the C code of the op asks for.
        chosen: the layout of its weights, if it has any.
        candidates: all that could have been chosen; empty where the caller had chosen.
    """

    op: Op
    params: int
    params_bytes: int
    scratch_bytes: int
    macs: int
    chosen: Candidate | None = None
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True)
class PackedSteps:
    """All ops of a graph with their constants laid out, ready to be planned and written."""

    steps: tuple[PackedStep, ...]
    constants: _Constants
    data_offsets: dict[int, int]  # constant tensors that ops read as tensors -> offset in the file
    packing: str  # the kernel set that the weights are laid out for
    workers: int = 1


def pack_steps(
    graph: Graph,
    packing: str = "ref",
    schedule: Schedule | None = None,
    chosen: Sequence[Candidate | None] | None = None,
    remembered: Offered | None = None,
) -> PackedSteps:
    """Lays out constants and parameters of every op for a kernel set, and asks its C code how much scratch each
    needs, in a stream or by itself.

    `chosen` has a candidate for each op with weights (groat.pack.choose); without it each gets its usual layout.
    `remembered` keeps what there is to choose from one schedule of a model to the next.

    Raises ModelError if a value does not fit its field, for example an image of more than 65,535 rows.
    """
    header = structs.sizeof("groat_header")
    align = structs.constants().GROAT_ALIGN
    constants = _Constants(header + -header % align, align)
    steps: list[PackedStep] = []
    data_offsets: dict[int, int] = {}
    remembered = remembered if remembered is not None else {}
    for position, op in enumerate(graph.ops):
        stream = schedule.stream_of(position) if schedule is not None else None
        unit = stream.units[position] if stream is not None else WHOLE
        choice = chosen[position] if chosen is not None else None
        params, selector = _params(graph, op, packing, unit, constants, choice, remembered)
        definition = op_def(op.kind)
        for number in definition.arguments(op):
            data = graph.tensors[graph.root(number)].data
            if data is not None:
                data_offsets[graph.root(number)] = constants.add(bytes_of(data))
        macs = min(macs_of(graph, op), UINT32_MAX)
        scratch = _scratch_of(graph, op, packing, params, unit)
        offset = constants.add(params)
        offered = selector.candidates
        if unit != WHOLE:  # in a stream there are single rows
            offered = tuple(layout for layout in offered if not any(part.more_rows for part in layout.packed))
        steps.append(PackedStep(op, offset, len(params), scratch, macs, selector.chosen, offered))
    return PackedSteps(tuple(steps), constants, data_offsets, packing, graph.workers)


def _params(
    graph: Graph,
    op: Op,
    packing: str,
    unit: tuple[int, int],
    constants: _Constants,
    chosen: Candidate | None,
    remembered: Offered,
) -> tuple[bytes, _Selector]:
    """The parameter struct of an op, and which layouts it was offered."""
    selector = _Selector(packing, chosen, remembered, (graph.tensors[op.outputs[0]], unit[0]))
    constants.layouts, constants.pixels = cast(Layouts, selector), unit[0]
    inputs, outputs = ([graph.tensors[number] for number in numbers] for numbers in (op.inputs, op.outputs))
    try:
        fields = op_def(op.kind).params(op, inputs, outputs, constants)
        return structs.build(f"groat_{op.kind}_params", fields), selector
    except OverflowError as error:
        raise ModelError(f"{graph.name}: op {op.index} {op.kind}: {error}") from error


def bytes_of(data: Array) -> bytes:
    """The bytes of an array as the device reads them."""
    return data.astype(data.dtype.newbyteorder("<")).tobytes()


def _scratch_of(graph: Graph, op: Op, packing: str, params: bytes, unit: tuple[int, int]) -> int:
    """Bytes that an op asks for; for each worker, where several may share its work."""
    row = op_row(op.kind)
    scratch: int = core(packing).scratch_bytes(row.id, params, *unit)
    if graph.workers > 1 and row.parallel and unit == WHOLE:
        return graph.workers * (scratch + -scratch % structs.constants().GROAT_ALIGN)
    return scratch


class Scratch:
    """What the kernels of a graph's ops ask for: with the layouts of weights that they usually get, or with those that
    need the least."""

    def __init__(self, graph: Graph, packing: str, remembered: Offered, least: bool) -> None:
        self._graph, self._packing, self._remembered, self._least = graph, packing, remembered, least
        self._known: dict[tuple[int, int, int], int] = {}

    def __call__(self, position: int, pixels: int, reach: int) -> int:
        """Bytes for an op that makes so many pixels at a time (0: all of its output) from an input that lies so:
        planner.streams.PADDED, BARE or PIECES."""
        key = (position, pixels, reach)
        if key not in self._known:
            self._known[key] = min(self._of_each(position, (pixels, reach)))
        return self._known[key]

    def _of_each(self, position: int, unit: tuple[int, int]) -> Iterator[int]:
        """With each layout that there is."""
        op, constants = self._graph.ops[position], _Constants(0, 1)
        params, selector = _params(self._graph, op, self._packing, unit, constants, None, self._remembered)
        yield _scratch_of(self._graph, op, self._packing, params, unit)
        for layout in selector.candidates[1:] if self._least else ():
            if unit == WHOLE or not any(part.more_rows for part in layout.packed):
                params, _ = _params(self._graph, op, self._packing, unit, constants, layout, self._remembered)
                yield _scratch_of(self._graph, op, self._packing, params, unit)


class _Names:
    def __init__(self) -> None:
        self.data = bytearray()
        self._offsets: dict[str, int] = {}

    def add(self, name: str) -> int:
        if name not in self._offsets:
            self._offsets[name] = len(self.data)
            self.data.extend(name.encode().replace(b"\0", b"") + b"\0")
        return self._offsets[name]


def write(graph: Graph, packed: PackedSteps, plan: Plan, source_hash: bytes) -> tuple[bytes, dict[int, int]]:
    """The packed model, and tensor number in the graph -> tensor id in the file.

    Args:
        graph: the compiled graph.
        packed: of pack_steps(graph).
        plan: of the planner, for the same graph; with its schedule.
        source_hash: SHA-256 of the model it came from.

    Raises ModelError if the graph has more tensors or steps than the format can number, or larger ones.
    """
    try:
        return _write(graph, packed, plan, source_hash)
    except OverflowError as error:
        raise ModelError(f"{graph.name}: the graph is too large for the packed format: {error}") from error


def _write(graph: Graph, packed: PackedSteps, plan: Plan, source_hash: bytes) -> tuple[bytes, dict[int, int]]:
    const = structs.constants()
    names = _Names()
    last = len(packed.steps) - 1

    # Buffers in the order of their first step, as groat_open wants them; constants count as alive throughout.
    arena = list(plan.buffers)
    places = [(b.first_step, b.offset, index) for index, b in enumerate(arena)]
    records: list[tuple[int, int, int | None, int | None]] = [(f, o, i, None) for f, o, i in places]
    records += [(0, offset, None, number) for number, offset in sorted(packed.data_offsets.items())]
    records.sort(key=lambda record: (record[0], record[1], record[2] is None))
    buffer_id: dict[int, int] = {}
    constant_id: dict[int, int] = {}
    for position, (_, _, index, number) in enumerate(records):
        if index is not None:
            buffer_id[index] = position
        elif number is not None:
            constant_id[number] = position
    buffers = b""
    for first, offset, index, number in records:
        fields: dict[str, Any] = {"offset": offset, "first_step": first, "over": const.GROAT_NONE}
        if index is not None:
            buffer = arena[index]
            fields |= {"bytes": buffer.nbytes, "last_step": buffer.last_step, "region": 1 + buffer.region}
            if buffer.over is not None:
                fields["over"] = buffer_id[buffer.over]
        elif number is not None:
            fields |= {"bytes": graph.tensors[number].nbytes, "last_step": last, "region": const.GROAT_REGION_FILE}
        buffers += structs.build("groat_buffer", fields)

    lines, line_id, line_count, streams = b"", dict[int, int](), 0, b""
    for index, stream in enumerate(plan.schedule.streams):
        first_line = line_count
        for number, of_tensor in stream.lines.items():
            line_id[number] = line_count
            for position, line in enumerate(of_tensor):
                fields = {name: getattr(line, name) for name in _LINE_FIELDS}
                fields["step"] = const.GROAT_NONE if line.producer is None else line.producer
                fields["then"] = const.GROAT_NONE if line.then is None else first_line + line.then
                fields["more"] = len(of_tensor) - 1 - position
                lines += structs.build("groat_line", fields)
                line_count += 1
        fields = {
            "first_step": stream.first,
            "step_count": stream.count,
            "first_line": first_line,
            "line_count": line_count - first_line,
            "state": buffer_id[plan.state_of[index]],
        }
        streams += structs.build("groat_stream", fields)

    args: list[int] = []
    io = {number for p in graph.programs for number in (*p.inputs, *p.outputs)} | set(graph.states)
    tensors = b""
    tensor_id: dict[int, int] = {}

    def use(number: int) -> int:
        nonlocal tensors
        if number not in tensor_id:
            tensor, root = graph.tensors[number], graph.root(number)
            buffer = constant_id[root] if root in constant_id else buffer_id[plan.buffer_of[root]]
            quantized = tensor.quantization is not None and tensor.quantization.per_tensor
            tensor_id[number] = len(tensor_id)
            tensors += structs.build(
                "groat_tensor",
                {
                    "buffer": buffer,
                    "dtype": getattr(const, DTYPES[tensor.dtype]),
                    "rank": len(tensor.shape),
                    "line": line_id.get(number, const.GROAT_NONE),
                    # Names in between cost flash and say little: the imported model has them.
                    "name": names.add(tensor.name if number in io or graph.all_named else ""),
                    "dims": [*tensor.shape, *[1] * (const.GROAT_RANK_MAX - len(tensor.shape))],
                    "scale": tensor.scale if quantized else 0.0,
                    "zero_point": tensor.zero_point if quantized else 0,
                },
            )
        return tensor_id[number]

    def arguments(inputs: Sequence[int], outputs: Sequence[int]) -> int:
        start = len(args)
        args.extend(use(number) for number in (*inputs, *outputs))
        return start

    programs = b"".join(
        structs.build(
            "groat_program",
            {
                "name": program.name.encode(),
                "first_step": program.first,
                "step_count": program.count,
                "args": arguments(program.inputs, program.outputs),
                "inputs": len(program.inputs),
                "outputs": len(program.outputs),
            },
        )
        for program in graph.programs
    )
    steps = b""
    for index, step in enumerate(packed.steps):
        reads = op_def(step.op.kind).arguments(step.op)
        scratch = plan.scratch_of.get(index)
        fields = {
            "op": op_row(step.op.kind).id,
            "inputs": len(reads),
            "outputs": len(step.op.outputs),
            "args": arguments(reads, step.op.outputs),
            "scratch": const.GROAT_NONE if scratch is None else buffer_id[scratch],
            "params": step.params,
            "params_bytes": step.params_bytes,
            "macs": step.macs,
        }
        steps += structs.build("groat_step", fields)
    states = b"".join(
        structs.build(
            "groat_state",
            {
                "tensor": use(number),
                "kind": STATE_KINDS.index(state.kind),
                "initial": packed.constants.add(bytes_of(state.initial)) if state.initial.any() else 0,
            },
        )
        for number, state in graph.states.items()
    )

    regions = b"".join(
        structs.build("groat_region", {"bytes": region.nbytes, "name": names.add(region.name)})
        for region in plan.regions
    )

    sections = {
        "regions": (regions, len(plan.regions)),
        "programs": (programs, len(graph.programs)),
        "steps": (steps, len(packed.steps)),
        "tensors": (tensors, len(tensor_id)),
        "buffers": (buffers, len(records)),
        "args": (b"".join(arg.to_bytes(2, "little") for arg in args), len(args)),
        "names": (bytes(names.data), len(names.data)),
        "streams": (streams, len(plan.schedule.streams)),
        "lines": (lines, line_count),
        "states": (states, len(graph.states)),
    }
    return _assemble(packed, sections, source_hash), tensor_id


def _assemble(
    packed: PackedSteps,
    sections: dict[str, tuple[bytes, int]],
    source_hash: bytes,
) -> bytes:
    const = structs.constants()
    start = structs.sizeof("groat_header")
    start += -start % const.GROAT_ALIGN
    body = bytearray(packed.constants.data)
    fields: dict[str, object] = {}
    for name, (data, count) in sections.items():
        body.extend(b"\0" * (-len(body) % 4))
        fields[name] = {"offset": start + len(body), "count": count}
        body.extend(data)
    body.extend(b"\0" * (-len(body) % const.GROAT_ALIGN))
    fields |= {
        "magic": const.GROAT_MAGIC,
        "version_major": const.GROAT_VERSION_MAJOR,
        "version_minor": const.GROAT_VERSION_MINOR,
        "file_bytes": start + len(body),
        "packing": getattr(const, f"GROAT_PACKING_{packed.packing.upper()}"),
        "workers": packed.workers if packed.workers > 1 else 0,
        "source_hash": list(source_hash[:8]),
    }
    file = bytearray(structs.build("groat_header", fields).ljust(start, b"\0") + body)
    return seal(file)


def seal(file: bytearray) -> bytes:
    """Fills in the checksum of a packed file."""
    offset = dict(structs.ffi().typeof("groat_header").fields)["crc32"].offset
    crc = zlib.crc32(memoryview(file)[structs.constants().GROAT_CRC_START :])
    file[offset : offset + 4] = crc.to_bytes(4, "little")
    return bytes(file)
