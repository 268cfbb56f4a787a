# SPDX-License-Identifier: Apache-2.0
"""What one may choose when a model is compiled: each option once, for Python and for every command.

A field of Options is a keyword of groat.compile and a flag of the commands that compile; its text is the flag's help.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from groat.errors import InputError
from groat.frontends.onnx import CHANNELS, Channels

Optimize = Literal["size", "balanced", "speed"]
OPTIMIZE: tuple[Optimize, ...] = get_args(Optimize)
Kind = Literal["auto", "layer", "stream", "patch"]
SCHEDULES: tuple[Kind, ...] = get_args(Kind)
Input = Literal["resident", "rows"]
INPUTS: tuple[Input, ...] = get_args(Input)
Outputs = Literal["resident", "rows"]
OUTPUTS: tuple[Outputs, ...] = get_args(Outputs)
Ends = Literal["model", "integer"]
ENDS: tuple[Ends, ...] = get_args(Ends)
Floats = Literal["float32", "float16"]
FLOATS: tuple[Floats, ...] = get_args(Floats)
Names = Literal["ends", "all"]
NAMES: tuple[Names, ...] = get_args(Names)
Solver = Literal["greedy", "cp-sat"]
SOLVERS: tuple[Solver, ...] = get_args(Solver)
SHAPE_HELP = "of ONNX inputs that the file leaves open: input=1,3,96,96; several with ;"


def about(text: str, choices: tuple[Any, ...] = (), size: bool = False, also: tuple[str, ...] = ()) -> dict[str, Any]:
    """What the commands need to know of a field: `size` is a number of bytes, `also` are further names of
    the flag."""
    return {"help": text, "choices": choices, "size": size, "also": also}


def parse_size(text: str) -> int:
    """Bytes of "64K", "1M" or "65536"; InputError for anything else."""
    units = {"K": 1024, "M": 1024 * 1024}
    digits, unit = (text[:-1], units[text[-1:].upper()]) if text[-1:].upper() in units else (text, 1)
    try:
        value = int(float(digits) * unit)
    except (ValueError, OverflowError):
        value = -1
    if value < 0:
        raise InputError(f"{text!r} is not a size; expected bytes, or a number with K or M, for example 64K")
    return value


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a model is compiled.

    Attributes:
        optimize: how each layer's weights are laid out, among what the target's kernels offer.  "size": the fewest
            bytes; "balanced": the fewest instructions at one byte a weight; "speed": the fewest instructions, with
            weights of 16 bits or transformed ones where they serve that.  The outputs are the same.
        flash: bytes that the packed model may take; None: what the target has room for.
        schedule: "layer" runs op by op; "stream" runs ops together row by row, with as little memory as that can;
            "patch" the same in patches of rows, for less memory and more instructions; "auto" does so only as far as
            RAM asks for it.
        input: "resident", or "rows": inputs come row by row and have no memory of their own.
        outputs: likewise: "rows" go out as they are made.
        ram: bytes that the arena may take; None: what the target has, but then a model that takes more is compiled
            all the same, since it may run elsewhere.
        memories: which of the target's memories the arena may take, and how much of each, separated by commas: for
            example "dtcm:64K,sram2".  What is used most lies in the fastest, and what is read and written is as little
            as can be in the slow ones; None: one memory, `ram` bytes of it.
        max_mac_overhead: the most multiply-accumulates that a schedule may take, as a multiple of the model's own.
        io: "model" keeps what the model takes and gives; "integer" drops QUANTIZE of float inputs and DEQUANTIZE at
            outputs: the report has scale and zero point of the integers there.
        floats: how float32 is stored.  "float16" halves weights and activations of floats, but for biases and for what
            the model takes and gives; what is computed is rounded to it once for each value.
        names: the packed model has the names of inputs and outputs, or of "all" tensors, so that groat.compare can tell
            its layers apart.
        solver: what finds offsets in the arena.  "greedy" needs nothing and is proven optimal by a bound for nearly all
            models; "cp-sat" improves the others, and proves it or says how much may be left.  It needs OR-tools
            (pip install 'groat[ortools]'), and is never used unless asked for, so that what is installed does not
            change any result.
        shape, channels: as of groat.load, for a model that is ONNX.
        states: as of groat.load, or as text: "h0=hn,c0=cn".

    Raises InputError for a value that does not exist.
    """

    optimize: Optimize = field(
        default="balanced",
        metadata=about("fewest bytes; fewest instructions at a byte a weight; fewest instructions", OPTIMIZE),
    )
    flash: int | None = field(
        default=None, metadata=about("flash that the packed model may take, for example 256K", size=True)
    )
    schedule: Kind = field(
        default="auto",
        metadata=about("as RAM asks; op by op; row by row; in patches of rows, with the least memory", SCHEDULES),
    )
    input: Input = field(
        default="resident", metadata=about("whole in the arena; row by row, with no memory of its own", INPUTS)
    )
    outputs: Outputs = field(
        default="resident", metadata=about("whole in the arena; row by row, with no memory of their own", OUTPUTS)
    )
    ram: int | None = field(default=None, metadata=about("RAM that the arena may take, for example 64K", size=True))
    memories: str | None = field(
        default=None, metadata=about("memories that the arena may take, for example dtcm:64K,sram2")
    )
    max_mac_overhead: float = field(
        default=1.0, metadata=about("most multiply-accumulates, as a multiple of the model's own")
    )
    io: Ends = field(default="model", metadata=about("the model's own ends; the integers behind float ones", ENDS))
    solver: Solver = field(
        default="greedy", metadata=about("what finds offsets in the arena; cp-sat needs OR-tools", SOLVERS)
    )
    names: Names = field(default="ends", metadata=about("names that the packed model keeps", NAMES))
    floats: Floats = field(default="float32", metadata=about("how float32 is stored", FLOATS))
    shape: str | None = field(default=None, metadata=about(SHAPE_HELP))
    channels: Channels = field(
        default="last", metadata=about("images of an ONNX model are NHWC, or NCHW as in the file", CHANNELS)
    )
    states: str | None = field(
        default=None, metadata=about("inputs that take what outputs gave in the run before: h0=hn,c0=cn")
    )

    def __post_init__(self) -> None:
        if isinstance(self.shape, Mapping):
            text = ";".join(f"{name}={','.join(map(str, sizes))}" for name, sizes in self.shape.items())
            object.__setattr__(self, "shape", text)
        if isinstance(self.states, Mapping):
            object.__setattr__(self, "states", ",".join(f"{name}={left}" for name, left in self.states.items()))
        for option in fields(self):
            value, choices = getattr(self, option.name), option.metadata["choices"]
            if choices and value not in choices:
                raise InputError(f"{option.name} is {value!r}; expected one of {', '.join(choices)}")
            if option.metadata["size"] and value is not None and value < 0:
                raise InputError(f"{option.name} is {value} bytes; expected at least 0")
        if self.memories is not None and self.ram is not None:
            raise InputError(
                "memories and ram both say what the arena may take; give sizes in memories, as in sram:64K"
            )
        if not 1.0 <= self.max_mac_overhead < float("inf"):
            raise InputError(f"max_mac_overhead is {self.max_mac_overhead}; expected at least 1.0")
