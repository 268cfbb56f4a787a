# SPDX-License-Identifier: Apache-2.0
"""One op on NumPy arrays: a graph of a single op, packed and run like any other model.

So a kernel called from Python is the kernel that a device runs, checks and all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from groat.errors import InputError, ModelError, VerifyError
from groat.graph.ir import Array, Graph, Op, State, Tensor
from groat.ops.arithmetic import LIMITS
from groat.ops.base import Unsupported
from groat.ops.layout import LAYOUT
from groat.ops.measure import METER
from groat.ops.window import same_padding

Pair = int | tuple[int, int]
Padding = str | tuple[tuple[int, int], tuple[int, int]]


def array(value: ArrayLike, name: str, dtype: str | tuple[str, ...], rank: int | None = None) -> Array:
    """`value` as an array; InputError unless it has one of the dtypes and, if given, the rank."""
    result = np.asarray(value)
    allowed = (dtype,) if isinstance(dtype, str) else dtype
    if str(result.dtype) not in allowed:
        raise InputError(f"{name} is {result.dtype}; expected {' or '.join(allowed)}")
    if rank is not None and result.ndim != rank:
        raise InputError(f"{name} has shape {result.shape}; expected {rank} dimensions")
    return result


def four_bits(value: ArrayLike, name: str) -> Array:
    """`value` as int8; InputError if some of it does not fit four bits."""
    result = array(value, name, "int8")
    if result.size > 0 and not -8 <= result.min() <= result.max() <= 7:
        raise InputError(f"{name} has values from {result.min()} to {result.max()}; expected int4: -8 to 7")
    return result


def activations(value: ArrayLike, name: str, rank: int | None = None) -> tuple[Array, str]:
    """(an int8 or int16 array, the ending of the name of its op: "" or "_int16")."""
    result = array(value, name, ("int8", "int16"), rank)
    return result, "_int16" if result.dtype == np.int16 else ""


def clamp(dtype: Any, act_min: int | None, act_max: int | None) -> dict[str, int]:
    """The attributes act_min and act_max; None stands for the end of the type's range."""
    low, high = LIMITS[str(dtype)]
    return {"act_min": low if act_min is None else act_min, "act_max": high if act_max is None else act_max}


def zero_points(dtype: Any, **values: int) -> dict[str, int]:
    """Attributes <name>_zero_point; InputError if the type is int16 and one is not 0."""
    for name, value in values.items():
        if str(dtype) == "int16" and value != 0:
            raise InputError(f"{name}_zero_point is {value}; expected 0 for int16")
    return {f"{name}_zero_point": value for name, value in values.items()}


def channels(value: ArrayLike, name: str, count: int, dtype: str = "int32") -> Array:
    """An int32 for each of `count` channels, from as many or from one; InputError for any other number."""
    result = np.asarray(value, dtype)
    if result.size not in (1, count):
        raise InputError(f"{name} has {result.size} values; expected 1 or {count}")
    return np.broadcast_to(result.ravel(), (count,)).copy()


def pair(value: Pair) -> tuple[int, int]:
    """(height, width), from both or from one for both."""
    return value if isinstance(value, tuple) else (value, value)


def scale(value: float, name: str) -> float:
    """A scale as float32; InputError unless it is a positive number."""
    result = float(np.float32(value))
    if not (math.isfinite(result) and result > 0):
        raise InputError(f"{name} is {value}; expected a positive number")
    return result


def axis_of(value: int, rank: int) -> int:
    """A dimension counted from the start; InputError unless there is one of that number."""
    if not -rank <= value < rank:
        raise InputError(f"axis {value} is out of range for {rank} dimensions")
    return value % rank


@contextmanager
def arguments_of(kind: str) -> Iterator[None]:
    """Turns what an importer would refuse in a model into InputError."""
    try:
        yield
    except Unsupported as error:
        raise InputError(f"{kind}: {error}") from None


def window(x: Array, kernel: Pair, stride: Pair, dilation: Pair, padding: Padding) -> dict[str, Any]:
    """The attributes of a window over x [n, h, w, c]; padding is "same", "valid" or ((top, bottom), (left, right))."""
    size, step, spread = pair(kernel), pair(stride), pair(dilation)
    if min(*size, *step, *spread) < 1:
        raise InputError(f"kernel {size}, stride {step}, dilation {spread}: expected at least 1 each")
    if padding == "same":
        around = tuple(same_padding(x.shape[1 + i], size[i], step[i], spread[i]) for i in range(2))
    elif padding == "valid":
        around = ((0, 0), (0, 0))
    elif isinstance(padding, str):
        raise InputError(f'padding is {padding!r}; expected "same", "valid" or ((top, bottom), (left, right))')
    else:
        around = padding
    return {"kernel": size, "stride": step, "dilation": spread, "padding": around}


def call(kind: str, inputs: Sequence[Array], attrs: Mapping[str, Any], dtype: str, on: str, isa: str | None) -> Array:
    """Runs an op of one output, which has this dtype; otherwise as call_all."""
    (output,) = call_all(kind, inputs, attrs, on, isa, dtypes=(dtype,))
    return output


def call_all(
    kind: str,
    inputs: Sequence[Array],
    attrs: Mapping[str, Any],
    on: str,
    isa: str | None,
    *,
    state: Mapping[int, Array] | None = None,
    dtypes: Sequence[str] | None = None,
) -> list[Array]:
    """Runs one op.

    Args:
        kind: its name in ops.def.
        inputs: an array for each input, constants included.
        on: "host" or a device such as "qemu:cortex-m4".
        isa: the kernel set; default: the one of `on`.
        state: what outputs that the op updates hold before, by their index.
        dtypes: of the outputs, where the op cannot tell.

    Returns an array for each output.

    Raises:
        InputError: the arrays or attributes do not fit each other or the kernel.
        FitError, ToolchainError, RunnerError: as groat.Runner, on a device.
    """
    from groat.graph.verify import verify
    from groat.isa import core
    from groat.ops import op_def
    from groat.pack import pack_steps, write
    from groat.planner import plan_memory
    from groat.runners import open_runner, split_where
    from groat.targets import load_target

    place, target = split_where(on)
    meter = METER.get()
    if meter is not None and place == "host":
        raise InputError('the host does not count instructions; measure on a device, for example on="qemu:cortex-m4"')
    packing = isa if isa is not None else load_target(target).packing
    core(packing)  # or there are no such kernels
    definition = op_def(kind)
    op = Op(kind, tuple(range(len(inputs))), (), attrs)
    arguments = definition.arguments(op)
    tensors = {
        number: Tensor(f"input {number}", value.shape, str(value.dtype), data=None if number in arguments else value)
        for number, value in enumerate(inputs)
    }
    try:
        given = [tensors[number] for number in op.inputs]
        shapes = definition.shapes(op, given)
        op = replace(op, outputs=tuple(range(len(inputs), len(inputs) + len(shapes))))
        types = definition.dtypes(op, given) if dtypes is None else dtypes
        for number, shape, dtype in zip(op.outputs, shapes, types, strict=True):
            tensors[number] = Tensor(f"output {number}", tuple(int(size) for size in shape), dtype)
        states = {op.outputs[index]: State(np.asarray(value, order="C")) for index, value in (state or {}).items()}
        workers = load_target(target).workers
        graph = verify(Graph(kind, tensors, (op,), arguments, op.outputs, states=states, workers=workers))
        steps = pack_steps(graph, packing)
        wanted = [layout for layout in steps.steps[0].candidates if layout.name == LAYOUT.get()]
        if wanted:
            steps = pack_steps(graph, packing, chosen=wanted)
        plan = plan_memory(graph, [step.scratch_bytes for step in steps.steps])
        packed, _ = write(graph, steps, plan, bytes(32))
        runner = open_runner(on, packed)
    except (VerifyError, ModelError, ValueError, IndexError) as error:
        raise InputError(f"{kind}: these arguments do not fit each other: {error}") from error
    with runner:
        values = [np.asarray(inputs[number], order="C") for number in arguments]
        results = runner.run(values)
        if meter is not None:
            meter.calls += 1
            meter.instructions += runner.profile(values).step_instructions[0]
            meter.macs += runner.model.macs
            meter.scratch_bytes = max(meter.scratch_bytes, steps.steps[0].scratch_bytes)
            meter.constants_bytes += len(steps.constants.data)
        return results
