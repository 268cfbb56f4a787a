# SPDX-License-Identifier: Apache-2.0
"""Reads a packed model back: what runners and reports need to know of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from groat import _core
from groat.errors import InputError, ModelError
from groat.graph.ir import STATE_KINDS
from groat.isa import PACKINGS, core
from groat.ops import op_rows
from groat.ops.base import MOVED
from groat.pack import structs

DTYPES = {f"GROAT_{name.upper()}": name for name in MOVED}


@dataclass(frozen=True)
class TensorInfo:
    """A tensor of a packed model.

    Attributes:
        scale: real = scale * (stored - zero_point); 0.0 when the tensor is not quantised.
        tensor_id: its number in the file.
        by_rows: it has memory for some of its rows only, while its stream runs.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    tensor_id: int
    by_rows: bool = False


@dataclass(frozen=True)
class RegionInfo:
    """A region of a packed model: the name of the memory that it was planned for, and what it needs there."""

    name: str
    nbytes: int


@dataclass(frozen=True)
class StepInfo:
    """One step: the op's name and the tensor ids that it reads and writes.

    Attributes:
        stream: the first step of the stream that it is part of; None if it runs by itself.
        layout: of its weights; None if it has none.
    """

    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    macs: int
    stream: int | None = None
    layout: int | None = None


@dataclass(frozen=True)
class ProgramInfo:
    """A program of a packed model."""

    name: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    steps: tuple[StepInfo, ...]


@dataclass(frozen=True)
class StateInfo:
    """A tensor that keeps its contents from run to run, and what for: a kind as of groat.graph.State."""

    tensor: TensorInfo
    kind: str

    @property
    def trained(self) -> bool:
        return self.kind == "parameter"


@dataclass(frozen=True)
class PackedModel:
    """A packed model; its inputs, outputs and steps are those of the program that is selected: at first the first.

    Attributes:
        regions: memory that the model needs on the device, exactly; most models have one.
        packing: the kernel set that its weights are laid out for: ref, dsp, mve or rvv.
        workers: parts into which work that can be split is.
        source_hash: first 8 bytes of the SHA-256 of the model it was made from.
    """

    regions: tuple[RegionInfo, ...]
    packing: str
    workers: int
    source_hash: bytes
    tensors: tuple[TensorInfo, ...]
    programs: tuple[ProgramInfo, ...]
    states: tuple[StateInfo, ...] = ()
    selected: int = 0

    def select(self, name: str) -> PackedModel:
        """The same model with another program selected; InputError if it has none of that name."""
        names = [program.name for program in self.programs]
        if name not in names:
            raise InputError(f"the model has no program {name!r}; it has {', '.join(names)}")
        return replace(self, selected=names.index(name))

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        return self.programs[self.selected].inputs

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        return self.programs[self.selected].outputs

    @property
    def steps(self) -> tuple[StepInfo, ...]:
        return self.programs[self.selected].steps

    @property
    def trained(self) -> dict[str, int]:
        """Name of each trained parameter -> its index in `states`; a name that is missing, or that several have, ends
        with that index."""
        names = [state.tensor.name for state in self.states]
        return {
            name if name and names.count(name) == 1 else f"{name}#{index}": index
            for index, (name, state) in enumerate(zip(names, self.states, strict=True))
            if state.trained
        }

    @property
    def has_variables(self) -> bool:
        """Whether a run leaves something for the next one: runs are then the steps of a sequence."""
        return any(state.kind == "variable" for state in self.states)

    @property
    def first_step(self) -> int:
        """Of the program, among all steps."""
        return sum(len(program.steps) for program in self.programs[: self.selected])

    @property
    def all_steps(self) -> tuple[StepInfo, ...]:
        """Of all programs."""
        return tuple(step for program in self.programs for step in program.steps)

    @property
    def arena_bytes(self) -> int:
        """Of all regions."""
        return sum(region.nbytes for region in self.regions)

    @property
    def macs(self) -> int:
        return sum(step.macs for step in self.steps)

    @property
    def streams(self) -> tuple[range, ...]:
        """The steps of each stream."""
        starts = [index for index, step in enumerate(self.steps) if step.stream == index]
        return tuple(range(first, first + sum(step.stream == first for step in self.steps)) for first in starts)


def check(packed: bytes, name: str = "packed model") -> None:
    """Raises ModelError, with the runtime's own reason, unless groat_check_crc and groat_open accept the bytes.

    They are opened by the kernels that they are packed for, whatever this host's own instructions are.
    """
    refused = _core.Model.crc_status(packed)
    if refused == 0:
        packing = int(structs.record(packed, "groat_header", 0).packing)
        known = PACKINGS[packing - 1] if 1 <= packing <= len(PACKINGS) else "ref"
        refused = core(known).Model.open_status(packed, *[2**32 - 1] * structs.constants().GROAT_REGIONS_MAX)
    if refused != 0:
        raise ModelError(f"{name}: {status_text(refused)} (status {refused}){_advice(packed, refused)}")


def _status(name: str) -> int:
    return next(code for known, code, _ in _core.status_table() if known == name)


def status_text(code: int) -> str:
    """The sentence of status.def for a code."""
    return next((text for _, known, text in _core.status_table() if known == code), f"unknown status {code}")


def _advice(packed: bytes, status: int) -> str:
    const = structs.constants()
    if status == _status("E_VERSION"):
        header = structs.record(packed, "groat_header", 0)
        return (
            f": the file has version {header.version_major}.{header.version_minor}, this runtime reads "
            f"{const.GROAT_VERSION_MAJOR}.{const.GROAT_VERSION_MINOR}; pack the model again"
        )
    if status == _status("E_TRUNCATED") and len(packed) >= structs.sizeof("groat_header"):
        header = structs.record(packed, "groat_header", 0)
        return f": {len(packed)} bytes are there, {header.file_bytes} are expected"
    return ""


def checksum(packed: bytes) -> int:
    """The checksum in the header of a packed model."""
    return int(structs.record(packed, "groat_header", 0).crc32)


def file_bytes(packed: bytes) -> int:
    """How many bytes belong to the model; behind them there may be a signature (groat.signing)."""
    return int(structs.record(packed, "groat_header", 0).file_bytes)


def _layout(packed: bytes, op: str, offset: int) -> int | None:
    """The layout of an op's weights, from its parameters."""
    params = structs.record(packed, f"groat_{op}_params", offset)
    inner = getattr(params, "s8", params)  # of int4 weights: the parameters of int8 ones
    return int(inner.layout) if hasattr(inner, "layout") else None


def read(packed: bytes, name: str = "packed model") -> PackedModel:
    """The tables of a packed model.

    Raises ModelError if the bytes are cut, damaged, of another version, or not a packed model at all.
    """
    check(packed, name)
    header = structs.record(packed, "groat_header", 0)

    def rows(struct: str, section: Any) -> Any:
        return structs.table(packed, struct, section.offset, section.count)

    const = structs.constants()
    dtypes = {getattr(const, key): value for key, value in DTYPES.items()}
    lines = rows("groat_line", header.lines)

    def by_rows(t: Any) -> bool:
        """As groat_is_ring in runtime/core/model.h."""
        return bool(t.line != const.GROAT_NONE and lines[t.line].slots > 0)

    names = packed[header.names.offset : header.names.offset + header.names.count]

    def name_at(offset: int) -> str:
        return names[offset : names.index(b"\0", offset)].decode(errors="replace")

    tensors = tuple(
        TensorInfo(
            name=name_at(t.name),
            dtype=dtypes[t.dtype],
            shape=tuple(t.dims[axis] for axis in range(t.rank)),
            scale=float(t.scale),
            zero_point=int(t.zero_point),
            tensor_id=number,
            by_rows=by_rows(t),
        )
        for number, t in enumerate(rows("groat_tensor", header.tensors))
    )
    args = rows("uint16_t", header.args)
    ops = {row.id: row.name for row in op_rows()}
    all_steps = rows("groat_step", header.steps)
    streams = [(s.first_step, s.first_step + s.step_count) for s in rows("groat_stream", header.streams)]

    def step_at(index: int, first: int) -> StepInfo:
        step = all_steps[index]
        ids = tuple(args[step.args + k] for k in range(step.inputs + step.outputs))
        op, layout = ops[step.op], _layout(packed, ops[step.op], step.params)
        stream = next((start - first for start, end in streams if start <= index < end), None)
        return StepInfo(op, ids[: step.inputs], ids[step.inputs :], int(step.macs), stream, layout)

    def program(record: Any) -> ProgramInfo:
        io = [args[record.args + k] for k in range(record.inputs + record.outputs)]
        return ProgramInfo(
            structs.text(record.name),
            inputs=tuple(tensors[number] for number in io[: record.inputs]),
            outputs=tuple(tensors[number] for number in io[record.inputs :]),
            steps=tuple(step_at(record.first_step + k, record.first_step) for k in range(record.step_count)),
        )

    return PackedModel(
        regions=tuple(RegionInfo(name_at(r.name), int(r.bytes)) for r in rows("groat_region", header.regions)),
        packing=PACKINGS[header.packing - 1],
        workers=max(1, header.workers),
        source_hash=bytes(header.source_hash),
        tensors=tensors,
        programs=tuple(program(record) for record in rows("groat_program", header.programs)),
        states=tuple(StateInfo(tensors[s.tensor], STATE_KINDS[s.kind]) for s in rows("groat_state", header.states)),
    )
