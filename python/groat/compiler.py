# SPDX-License-Identifier: Apache-2.0
"""From a graph to a packed model: passes, plan, bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from groat.errors import InputError, ModelError
from groat.frontends.tflite import load_tflite
from groat.graph import Graph
from groat.ops import op_def
from groat.pack import PackedStep
from groat.pack.choose import Chosen, pack_model, parse_optimize
from groat.passes import ENDS, run_passes
from groat.planner import Plan, Schedule, schedule_streams
from groat.runners import BaseRunner, open_runner
from groat.runners.base import Array
from groat.targets import Target, load_target

SCHEDULES = ("auto", "layer", "stream")
INPUTS = ("resident", "rows")
UNBOUNDED = 1 << 62


@dataclass(frozen=True)
class Model:
    """An imported model: its graph and the bytes it was imported from."""

    graph: Graph
    source: bytes = field(repr=False)

    @property
    def source_hash(self) -> bytes:
        return hashlib.sha256(self.source).digest()


def load(model: str | os.PathLike[str] | bytes) -> Model:
    """Imports a TFLite model.

    Args:
        model: a path, or the bytes of the file.

    Raises:
        ModelError: the file cannot be read, or is not a whole, valid model.
        UnsupportedError: it uses ops without a kernel; the error lists all of them.
    """
    if isinstance(model, bytes):
        return Model(load_tflite(model), model)
    source = read_file(Path(model))
    return Model(load_tflite(source, Path(model).name), source)


def read_file(path: Path) -> bytes:
    """The bytes of a model file; ModelError if it cannot be read or is empty."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    if not data:
        raise ModelError(f"{path}: the file is empty")
    return data


@dataclass(frozen=True)
class Compiled:
    """A packed model and how it came about.

    Attributes:
        graph: after all passes.
        steps: each op as it was packed, with the layout that its weights got.
        packed: the bytes of the `.groat` file.
        tensor_ids: number of a tensor in the imported model -> its id in the packed one.
    """

    graph: Graph
    plan: Plan
    steps: tuple[PackedStep, ...] = field(repr=False)
    packed: bytes = field(repr=False)
    target: Target
    optimize: str
    tensor_ids: dict[int, int] = field(repr=False)

    def run(self, *inputs: Array) -> Any:
        """One inference on this host: an array for each input, of its shape and dtype.

        Returns the output array, or a list of them if the model has several.  Raises InputError.
        """
        with self.on("host") as host:
            return host.run(*inputs)

    def on(self, where: str) -> Session:
        """The model opened elsewhere, for example "qemu:cortex-m4"; use it in a `with` or close it."""
        return Session(open_runner(where, self.packed))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the packed model; the file appears whole or not at all."""
        write_file(Path(path), self.packed)

    @property
    def report(self) -> dict[str, Any]:
        """What the model needs and what it consists of.

        Keys: arena_bytes, arena_lower_bound, weights_bytes, file_bytes, macs, target, optimize, inputs, outputs,
        layers (index, op, name, macs, output_bytes; and for those with weights layout, packed_bytes, which are those
        of weights and channel constants, and expected_instructions, by a table of measurements; else None)
        and peak (step, op, bytes, tensors: name, shape, dtype, bytes).
        """
        graph = self.graph
        layouts = [step.chosen for step in self.steps]
        layers = [
            {
                "index": index,
                "op": op.kind,
                "name": graph.tensors[op.outputs[0]].name,
                "macs": _macs(graph, index),
                "output_bytes": sum(graph.tensors[number].nbytes for number in op.outputs),
                "layout": layout.name if layout is not None else None,
                "packed_bytes": layout.nbytes if layout is not None else None,
                "expected_instructions": layout.instructions if layout is not None else None,
            }
            for index, (op, layout) in enumerate(zip(graph.ops, layouts, strict=True))
        ]
        return {
            "target": self.target.name,
            "optimize": self.optimize,
            "arena_bytes": self.plan.arena_bytes,
            "arena_lower_bound": self.plan.lower_bound,
            "weights_bytes": weights_bytes(graph),
            "file_bytes": len(self.packed),
            "macs": sum(_macs(graph, index) for index in range(len(graph.ops))),
            "inputs": [_describe(graph, number) for number in graph.inputs],
            "outputs": [_describe(graph, number) for number in graph.outputs],
            "layers": layers,
            "peak": self._peak(),
        }

    def _peak(self) -> dict[str, Any]:
        step = self.plan.peak_step
        alive = self.plan.alive(step)
        tensors = [
            _describe(self.graph, b.tensors[-1])
            if b.tensors
            else {"name": "scratch", "shape": [b.nbytes], "dtype": "uint8", "bytes": b.nbytes}
            for b in alive
        ]
        total = sum(b.nbytes for b in alive)
        return {"step": step, "op": self.graph.ops[step].kind, "bytes": total, "tensors": tensors}


class Session:
    """A compiled model opened on a device or emulator.  A context manager around a runner.

    Attributes:
        runner: with all that a runner can do: batches, single steps, intermediate tensors, profiles.
    """

    def __init__(self, runner: BaseRunner) -> None:
        self.runner = runner

    def run(self, *inputs: Array) -> Any:
        """As Compiled.run, there."""
        outputs = self.runner.run(inputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def close(self) -> None:
        """Frees the device."""
        self.runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def compile_model(
    model: Model | Graph | str | os.PathLike[str] | bytes,
    target: str = "host",
    after_each: Callable[[str, Graph], None] | None = None,
    optimize: str = "balanced",
    flash: int | None = None,
    *,
    schedule: str = "layer",
    input: str = "resident",
    ram: int | None = None,
    io: str = "model",
) -> Compiled:
    """Compiles a model for a target.

    Args:
        model: what `load` returns or takes, or a graph.
        target: a target's name (groat.targets.list_targets()); decides how weights are laid out.
        after_each: sees the graph after every pass.
        optimize: how each layer's weights are laid out, among what the target's kernels offer. "size": the fewest
            bytes; "balanced": the fewest instructions at one byte a weight; "speed": the fewest instructions, with
            weights of 16 bits or transformed ones where they serve that. The outputs are the same.
        flash: bytes that the packed model may take; default: what the target has room for.
        schedule: "layer" runs op by op; "stream" runs ops together row by row, with as little memory as that can;
            "auto" does so only as far as `ram` asks for it.
        input: "resident" or "rows": inputs come row by row and have no memory of their own.
        ram: bytes that the arena may take.
        io: "model" keeps what the model takes and gives; "integer" drops QUANTIZE of float inputs and DEQUANTIZE at
            outputs: the report has scale and zero point of the integers there.

    Raises:
        ModelError, UnsupportedError: as `load`.
        InputError: an unknown target or way to optimize; an input that cannot come row by row; float ends that
            cannot become integers.
        FitError: no layouts fit the given flash.
    """
    if isinstance(model, Graph):
        graph, source = model, b""
    else:
        loaded = model if isinstance(model, Model) else load(model)
        graph, source = loaded.graph, loaded.source
    chosen = load_target(target)
    way = parse_optimize(optimize)
    if io not in ENDS:
        raise InputError(f"io is {io!r}; expected one of {', '.join(ENDS)}")
    graph = run_passes(graph, after_each, io)
    room = chosen.model_room.length if chosen.model_memory else None
    limit = chosen.ram_bytes - chosen.stack_bytes if chosen.ram_bytes else None
    limit = ram if ram is not None else limit
    source_hash = hashlib.sha256(source).digest()

    def pack(graph: Graph, streams: Schedule | None) -> Chosen:
        return pack_model(graph, chosen.packing, source_hash, way, flash, room, limit, streams)

    graph, found = _plan(graph, pack, schedule, input, ram)
    return Compiled(graph, found.plan, found.steps.steps, found.packed, chosen, way, found.tensor_ids)


def _plan(
    graph: Graph, pack: Callable[[Graph, Schedule | None], Chosen], schedule: str, input: str, ram: int | None
) -> tuple[Graph, Chosen]:
    """The graph as it is run, and packed."""
    if schedule not in SCHEDULES:
        raise InputError(f"schedule is {schedule!r}; expected one of {', '.join(SCHEDULES)}")
    if input not in INPUTS:
        raise InputError(f"input is {input!r}; expected one of {', '.join(INPUTS)}")

    def planned(graph: Graph, streams: Schedule | None) -> tuple[Graph, Chosen]:
        return graph, pack(graph, streams)

    by_rows = input == "rows"
    whole = planned(graph, None) if not by_rows and schedule != "stream" else None
    if whole is not None and (schedule == "layer" or ram is None or whole[1].plan.arena_bytes <= ram):
        return whole
    if schedule == "layer":
        return planned(*schedule_streams(graph, True, UNBOUNDED))
    # What the target gives is enough for some: scratch and gaps between buffers come on top of what streams count.
    smallest: tuple[Graph, Chosen] | None = None
    for share in (1.0, 0.95, 0.9, 0.8, 0.0) if schedule == "auto" and ram is not None else (0.0,):
        found = planned(*schedule_streams(graph, by_rows, int((ram or 0) * share)))
        if smallest is None or found[1].plan.arena_bytes < smallest[1].plan.arena_bytes:
            smallest = found
        if ram is not None and found[1].plan.arena_bytes <= ram:
            return found
    assert smallest is not None
    if whole is not None and whole[1].plan.arena_bytes < smallest[1].plan.arena_bytes:
        return whole
    return smallest


def write_file(path: Path, data: bytes) -> None:
    """Writes a file that is never seen half written; InputError if the place cannot be written."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error


def weights_bytes(graph: Graph) -> int:
    """Bytes of the weights and biases that the model's ops read, as the model stores them."""
    used = {graph.root(number) for op in graph.ops for number in op.inputs}
    return sum(graph.tensors[number].nbytes for number in used if graph.tensors[number].data is not None)


def _macs(graph: Graph, index: int) -> int:
    op = graph.ops[index]
    inputs = [graph.tensors[number] for number in op.inputs]
    outputs = [graph.tensors[number] for number in op.outputs]
    return op_def(op.kind).macs(op, inputs, outputs)


def _describe(graph: Graph, number: int) -> dict[str, Any]:
    tensor = graph.tensors[number]
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "bytes": tensor.nbytes,
        **({"scale": tensor.scale, "zero_point": tensor.zero_point} if tensor.quantization else {}),
    }
