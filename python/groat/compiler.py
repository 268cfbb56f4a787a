# SPDX-License-Identifier: Apache-2.0
"""From a graph to a packed model: passes, plan, bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from numpy.typing import ArrayLike

from groat.errors import FitError, InputError, ModelError
from groat.export.tflite import to_tflite
from groat.fit import Fitted, Remembered, fit
from groat.frontends.onnx import Channels, is_onnx, load_onnx
from groat.frontends.onnx.reader import Shapes
from groat.frontends.states import pair_states, parse_states
from groat.frontends.tflite import load_tflite
from groat.frontends.torch import export, is_module
from groat.graph import Graph
from groat.ops import macs_of
from groat.options import Options, parse_size
from groat.pack import PackedStep, Scratch, structs, write
from groat.pack.choose import Chosen, pack_model
from groat.pack.writer import Offered
from groat.passes import run_passes
from groat.planner import Effort, Plan, Region, Way, plan_memory, require_solver, solve
from groat.planner.schedules import role_of, stretches_of, without_scratch
from groat.progress import Progress, silent
from groat.runners import BaseRunner, open_runner
from groat.runners.base import Array
from groat.targets import Target, load_target
from groat.train.forward import forward_graph
from groat.train.head import with_head
from groat.train.options import Train
from groat.train.session import Trainer
from groat.train.tape import training_graph


@dataclass(frozen=True)
class Model:
    """An imported model: its graph and the bytes it was imported from.

    Attributes:
        orders: of an ONNX model: for each input and output of the graph, which dimension of the model each of its own
            is, (0, 2, 3, 1) for NHWC.
        states: names of inputs and outputs of the file that became states, as `load` was given them.
    """

    graph: Graph
    source: bytes = field(repr=False)
    orders: Mapping[int, tuple[int, ...]] = field(default_factory=dict, repr=False)
    states: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_onnx(self) -> bool:
        return bool(self.orders)

    def to_tflite(self) -> bytes:
        """The model as a TFLite file, for other tools.

        Images have their channels last, as in `graph`, and weights the types that they have there.

        Raises UnsupportedError, which lists all ops that TensorFlow Lite has no operators for.
        """
        return to_tflite(self.graph).data

    @property
    def source_hash(self) -> bytes:
        return hashlib.sha256(self.source).digest()


def load(
    model: Any,
    example_inputs: Any = None,
    *,
    shape: Shapes | str | None = None,
    channels: Channels = "last",
    states: Mapping[str, str] | str | None = None,
) -> Model:
    """Imports a TFLite or ONNX model, or a PyTorch module.

    Args:
        model: a path, the bytes of the file, or a torch.nn.Module.
        example_inputs: of a module: a tensor or a tuple of them, of the shapes that the model shall have.
        shape: of ONNX inputs whose shape the file leaves open, by name, or as text: "input=1,3,96,96".
        channels: where inputs and outputs of an ONNX model that are images have their channels: "last" (NHWC), which
            costs nothing, or "first" (NCHW), as in the file.
        states: name of an input -> name of an output: what a run gives there, the next one takes there, so that runs
            are the steps of a sequence.  The first one takes zeros.  As text: "h0=hn,c0=cn".

    Raises:
        ModelError: the file cannot be read, or is not a whole, valid model.
        UnsupportedError: it uses ops without a kernel; the error lists all of them.
        InputError: `shape` or `channels` is given for a TFLite model, or does not fit the ONNX model; a module comes
            without example inputs, or a file with some; an input and an output of `states` do not fit each other.
        ToolchainError: the model is ONNX or a module, and the package onnx or onnxscript is not installed.
    """
    imported = _imported(model, example_inputs, shape, channels)
    return with_states(imported, states) if states else imported


def with_states(model: Model, states: Mapping[str, str] | str) -> Model:
    """The model without these inputs and outputs: what a run gives, the next one takes.

    Args:
        model: as `load` returns it; or quantised: then what is handed on are the integers.
        states: as of `load`.

    Raises InputError for names that are none, tensors that do not fit each other, or a model with nothing else left.
    """
    pairs, graph = parse_states(states), model.graph
    made = pair_states(graph, pairs)
    places = {graph.tensors[number].name: model.orders.get(number) for number in (*graph.inputs, *graph.outputs)}
    unlike = [name for name, left in pairs.items() if places[name] != places[left]]
    if unlike:
        raise InputError(f"{graph.name}: input {unlike[0]!r} and its output have their channels in different places")
    return replace(model, graph=made, states={**model.states, **pairs})


def _imported(model: Any, example_inputs: Any, shape: Shapes | str | None, channels: Channels) -> Model:
    if is_module(model):
        source = export(model, example_inputs)
        graph, orders = load_onnx(source, type(model).__name__, shape, channels)
        return Model(graph, source, orders)
    if example_inputs is not None:
        raise InputError("example_inputs are for PyTorch modules; give shapes of an ONNX model with shape=")
    path = None if isinstance(model, bytes) else Path(model)
    source = model if isinstance(model, bytes) else read_file(Path(model))
    name = "model" if path is None else path.name
    if is_onnx(source) or (path is not None and path.suffix == ".onnx"):
        folder = None if path is None else path.parent
        graph, orders = load_onnx(source, name, shape, channels, folder)
        return Model(graph, source, orders)
    if shape is not None or channels != "last":
        raise InputError(f"{name}: shape and channels are for ONNX models")
    return Model(load_tflite(source, name), source)


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
        mac_overhead: multiply-accumulates of a run, as a multiple of the model's own.
    """

    graph: Graph
    plan: Plan
    steps: tuple[PackedStep, ...] = field(repr=False)
    packed: bytes = field(repr=False)
    target: Target
    options: Options
    tensor_ids: dict[int, int] = field(repr=False)
    mac_overhead: float = 1.0

    def run(self, *inputs: Array) -> Any:
        """One inference on this host: an array for each input, of its shape and dtype.

        Returns the output array, or a list of them if the model has several.  Raises InputError.
        """
        return self._host.run(*inputs)

    def train_step(self, x: ArrayLike, y: ArrayLike, lr: float) -> float:
        """As Session.train_step, on this host; `run` and `parameters` then see what was learnt."""
        return self._host.train_step(x, y, lr)

    def parameters(self) -> dict[str, Array]:
        """As Session.parameters, on this host."""
        return self._host.parameters()

    def set_parameters(self, values: Mapping[str, Array]) -> None:
        """As Session.set_parameters, on this host."""
        self._host.set_parameters(values)

    @cached_property
    def _host(self) -> Session:
        """The model on this host, open as long as this object lives."""
        return self.on("host")

    def on(self, where: str, progress: Progress = silent) -> Session:
        """The model opened elsewhere: "qemu:cortex-m4", "serial:/dev/ttyACM0"; use it in a `with` or close it."""
        return Session(open_runner(where, self.packed, progress=progress))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the packed model; the file appears whole or not at all."""
        write_file(Path(path), self.packed)

    @property
    def report(self) -> dict[str, Any]:
        """What the model needs and what it consists of.

        Keys:
            target, optimize, and input and max_mac_overhead as asked for;
            arena_bytes; of it activation_bytes, an arena for the same schedule if no kernel needed scratch, and
                scratch_bytes, what their scratch adds; arena_lower_bound; optimal: True, or the bytes by which the
                arena may be larger than the best possible;
            weights_bytes, file_bytes, inputs, outputs;
            macs, of all programs; mac_overhead, those of a run as a multiple;
            programs: name, macs and layers, which are the indices of the first and the last;
            memories: name, bytes, traffic_bytes (that a run reads and writes there, by groat.planner.memories.traffic)
                and byte_cost of each that the arena lies in; copies: names of the tensors that are copied from one
                memory to another;
            schedule: how it is run, as groat.planner.schedules.stretches_of;
            layers: index, op, name, macs, output_bytes, scratch_bytes (of its kernel); and for those with weights
                layout, packed_bytes, which are those of weights and channel constants, and expected_instructions, by a
                table of measurements; else None;
            peak: step, op, bytes, tensors: name, shape, dtype, memory, bytes there: of a stream's tensor those of some
                of its rows.
        """
        graph = self.graph
        layouts = [step.chosen for step in self.steps]
        layers = [
            {
                "index": index,
                "op": op.kind,
                "name": graph.tensors[op.outputs[0]].name,
                "macs": macs_of(graph, op),
                "output_bytes": sum(graph.tensors[number].nbytes for number in op.outputs),
                "scratch_bytes": self.steps[index].scratch_bytes,
                "layout": layout.name if layout is not None else None,
                "packed_bytes": layout.nbytes if layout is not None else None,
                "expected_instructions": layout.instructions if layout is not None else None,
            }
            for index, (op, layout) in enumerate(zip(graph.ops, layouts, strict=True))
        ]
        plan = self.plan
        kept = without_scratch(graph, [step.scratch_bytes for step in self.steps], plan.schedule)
        activations = min(plan_memory(graph, kept, plan.schedule).arena_bytes, plan.arena_bytes)
        return {
            "target": self.target.name,
            "optimize": self.options.optimize,
            "input": self.options.input,
            "max_mac_overhead": self.options.max_mac_overhead,
            "arena_bytes": plan.arena_bytes,
            "activation_bytes": activations,
            "scratch_bytes": plan.arena_bytes - activations,
            "arena_lower_bound": plan.lower_bound,
            "optimal": True if plan.optimal else plan.gap_bytes,
            "weights_bytes": weights_bytes(graph),
            "file_bytes": len(self.packed),
            "macs": sum(macs_of(graph, op) for op in graph.ops),
            "mac_overhead": self.mac_overhead,
            "programs": [
                {
                    "name": program.name,
                    "macs": sum(macs_of(graph, op) for op in graph.ops_of(program)),
                    "layers": [program.first, program.last],
                }
                for program in graph.programs
            ],
            "memories": [
                {
                    "name": region.name,
                    "bytes": region.nbytes,
                    "traffic_bytes": region.traffic_bytes,
                    "byte_cost": region.cost,
                }
                for region in plan.regions
            ],
            "copies": [graph.tensors[op.inputs[0]].name for op in graph.ops if op.attrs.get("apart")],
            "schedule": stretches_of(graph, plan),
            "inputs": [_describe(graph, number) for number in graph.inputs],
            "outputs": [_describe(graph, number) for number in graph.outputs],
            "layers": layers,
            "peak": self._peak(),
        }

    def _peak(self) -> dict[str, Any]:
        step = self.plan.peak_step
        alive = self.plan.alive(step)
        tensors = [
            {
                **(
                    _describe(self.graph, b.tensors[-1])
                    if b.tensors
                    else {"name": role_of(self.graph, self.plan, b), "shape": [b.nbytes], "dtype": "uint8"}
                ),
                "bytes": b.nbytes,
                "memory": self.plan.regions[b.region].name,
            }
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
        self.runner.select("infer")
        outputs = self.runner.run(inputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def train_step(self, x: ArrayLike, y: ArrayLike, lr: float) -> float:
        """One step of training on one sample (or as many as the model's inputs hold).

        Args:
            x: as the model's input, with or without its leading 1.
            y: the label (whole numbers), or the target of a mean squared error, in the output's shape.
            lr: the learning rate.

        Returns the loss before the step.  Parameters are changed where they lie, in the arena.
        Raises InputError for labels out of range, inputs that are not finite, a learning rate that is not positive,
        a loss that is not finite (nothing was changed then), or a model that was compiled without train=.
        """
        return self.trainer.step(x, y, lr).loss

    def parameters(self) -> dict[str, Array]:
        """Name -> value of each trained parameter, as it is there now."""
        return self.runner.parameters()

    def set_parameters(self, parameters: Mapping[str, Array]) -> None:
        """Overwrites all trained parameters, as `set_parameters` of a runner."""
        self.runner.set_parameters(parameters)

    @cached_property
    def trainer(self) -> Trainer:
        """What trains the model; InputError if it was compiled without train=."""
        return Trainer(self.runner)

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
    options: Options | None = None,
    progress: Progress = silent,
    train: Train | None = None,
    **choices: Any,
) -> Compiled:
    """Compiles a model for a target.

    Args:
        model: what `load` returns or takes, or a graph.
        target: a target's name (groat.targets.list_targets()); decides how weights are laid out.
        after_each: sees the graph after every pass.
        options: how; default: Options().
        progress: told how far planning is.
        train: what shall be trained on the device, and how; default: nothing.
        choices: fields of Options, in place of those of `options`: optimize="speed", ram=32_768.

    Raises:
        ModelError, UnsupportedError: as `load`.
        TypeError, InputError: an unknown target, option or value; an input that cannot come row by row; float ends that
            cannot become integers.
        FitError: no layouts fit the given flash, or no schedule the given RAM.
    """
    job = Job(model, target, replace(options or Options(), **choices), after_each, progress, train)
    fitted = fit(job.graph, job.options, job, job.room, job.regions)
    if len(job.regions) > 1 and fitted.chosen.plan.missing > 0:
        raise FitError(
            f"{job.graph.name}: the memories {job.options.memories} are too small by "
            f"{fitted.chosen.plan.missing:,} bytes, with any schedule of kind {job.options.schedule!r}"
        )
    return job.compiled(fitted)


def _load(model: str | os.PathLike[str] | bytes, options: Options) -> Model:
    return load(model, shape=options.shape, channels=options.channels, states=options.states)


class Job:
    """A model on its way to a target.

    Attributes:
        graph: after all passes.
        room: bytes of the target's RAM that an arena may take; None if it has no limit.
        regions: the memories that it may take; without options.memories the target's RAM, as much as options.ram says.
    """

    def __init__(
        self,
        model: Model | Graph | str | os.PathLike[str] | bytes,
        target: str,
        options: Options,
        after_each: Callable[[str, Graph], None] | None = None,
        progress: Progress = silent,
        train: Train | None = None,
    ) -> None:
        """As compile_model."""
        if isinstance(model, Graph):
            graph, source = model, b""
        else:
            loaded = model if isinstance(model, Model) else _load(model, options)
            graph, source = loaded.graph, loaded.source
        self.target = load_target(target)
        self.options = options
        self.progress = progress
        self.room = self.target.ram_bytes - self.target.stack_bytes if self.target.ram_bytes else None
        self.regions = regions_of(self.target, options.memories)
        if options.memories is not None and len(self.regions) == 1:
            self.room = self.regions[0].nbytes
            self.options = replace(options, ram=self.room, memories=None)
        if train is not None and options.floats not in ("float32", train.floats):
            raise InputError(
                f'floats is "{options.floats}", but train has dtype "{train.dtype}", which decides what is stored'
            )
        floats = options.floats if train is None else train.floats
        if train is not None and graph.states:
            raise InputError(f"{graph.name} keeps variables from run to run; there is no gradient through runs")
        if train is not None and train.classes > 0:
            graph = with_head(graph, train.classes)
        self.graph = run_passes(graph, after_each, options.io, floats)
        if train is not None:
            build = forward_graph if train.algorithm == "forward-forward" else training_graph
            self.graph = build(self.graph, train)
        self.graph = replace(self.graph, workers=self.target.workers, all_named=options.names == "all")
        self._source_hash = hashlib.sha256(source).digest()
        self.known_ways: dict[tuple[object, ...], Remembered] = {}
        self._offered: Offered = {}
        self._effort = Effort()
        if options.solver == "cp-sat":
            require_solver()

    @property
    def packing(self) -> str:
        """The kernel set of the target."""
        return self.target.packing

    def scratch_of(self, graph: Graph, least: bool) -> Scratch:
        """What the kernels of a graph's ops ask for, with the layouts that need the least or with the usual ones."""
        return Scratch(graph, self.target.packing, self._offered, least)

    def pack(self, way: Way, ram: int | None) -> Chosen:
        """The model packed for one way to run it; layouts give way to others as far as an arena of `ram` bytes asks
        for it, or several memories do.  Raises FitError if it does not fit the flash."""
        chosen = pack_model(
            way.graph,
            self.target.packing,
            self._source_hash,
            self.options.optimize,
            self.options.flash,
            self.target.model_room.length if self.target.model_memory else None,
            self.regions if len(self.regions) > 1 else (replace(self.regions[0], nbytes=ram),),
            way.schedule,
            self._offered,
        )
        if self.options.solver == "greedy" or chosen.plan.optimal:
            return chosen
        self.progress("proven arena", chosen.plan.lower_bound, chosen.plan.arena_bytes)
        plan = solve(chosen.plan, self._effort, lambda found, bound: self.progress("proven arena", bound, found))
        return Chosen(chosen.steps, plan, *write(way.graph, chosen.steps, plan, self._source_hash))

    def compiled(self, fitted: Fitted) -> Compiled:
        """What compile_model returns, for one way to run it."""
        way, chosen = fitted.way, fitted.chosen
        return Compiled(
            way.graph,
            chosen.plan,
            chosen.steps.steps,
            chosen.packed,
            self.target,
            self.options,
            chosen.tensor_ids,
            way.mac_overhead,
        )


def regions_of(target: Target, memories: str | None) -> tuple[Region, ...]:
    """The memories that options.memories names; without it the one that the arena of firmware lies in.

    Raises InputError for a memory that the target does not have, that is named twice or smaller than asked for.
    """
    if memories is None:
        return (Region(next((m.name for m in target.memories if m.purpose == "data"), "arena")),)
    found: dict[str, Region] = {}
    for text in memories.split(","):
        name, colon, size = text.strip().partition(":")
        memory = target.arena(name)
        room = memory.length - (target.stack_bytes if memory.purpose == "data" else 0)
        nbytes = parse_size(size) if colon else room
        if nbytes > room:
            raise InputError(f"memories has {nbytes:,} bytes of {name}; {target.name} has {room:,} there")
        if name in found:
            raise InputError(f"memories names {name} twice")
        found[name] = Region(name, nbytes, memory.cost)
    most = structs.constants().GROAT_REGIONS_MAX
    if len(found) > most:
        raise InputError(f"memories names {len(found)} memories; a model may have {most}")
    return tuple(found.values())


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


def _describe(graph: Graph, number: int) -> dict[str, Any]:
    tensor = graph.tensors[number]
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "bytes": tensor.nbytes,
        **({"scale": tensor.scale, "zero_point": tensor.zero_point} if tensor.quantization else {}),
    }
