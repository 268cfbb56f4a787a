# SPDX-License-Identifier: Apache-2.0
"""From the graph of a model to one that learns: the programs `infer`, `train_step` and `apply`.

The backward half of a step is found ahead of time, op by op from the last to the first: each op says its gradient in
terms of ops (OpDef.gradients), and only what leads to something that is trained is computed.  The gradient of a
parameter is applied in the op that computes it, behind the last op that still reads the old value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from groat.errors import InputError
from groat.graph import Graph, Op, Program, State, Tensor, verify
from groat.ops import op_def
from groat.ops.base import NotDifferentiable, Shape
from groat.ops.bfp import EXPONENT
from groat.ops.gradients import ACCUMULATE, PLAIN, SGD
from groat.ops.loss import SCALE_SHAPE, STEP_SHAPE, loss_position
from groat.passes.to_bfp16 import EXPONENT_OF
from groat.train.adapters import with_adapters
from groat.train.choice import trained_fractions, trained_inputs
from groat.train.fractions import with_fractions
from groat.train.options import MAX_SCALE, Train

WEIGHTS, BIAS = "weights", "bias"
INT8_LIMITS = {"act_min": -128, "act_max": 127}


def training_graph(graph: Graph, train: Train) -> Graph:
    """A graph with the programs of training beside `infer`, by a backward pass.

    Args:
        graph: after all passes; its trained layers compute with floats.

    Raises InputError if it cannot be trained so, and why.
    """
    return Builder(graph, train).build()


class Builder:
    """The graph as it grows.

    Attributes:
        ops: of `infer` first, then of `train_step`, then of `apply`.
    """

    def __init__(self, graph: Graph, train: Train) -> None:
        trained, fractions = trained_inputs(graph, train), trained_fractions(graph, train)
        if fractions and (train.integers or train.algorithm != "backprop"):
            raise InputError(
                'train: dtype "int16" and algorithm "forward-forward" train whole layers; expected no fraction of one'
            )
        if fractions and train.adapter_rank > 0:
            raise InputError("train: adapters are of whole layers; expected no fraction with adapter_rank")
        if fractions:
            graph, trained = with_fractions(graph, trained, fractions)
        if train.adapter_rank > 0:
            graph, trained = with_adapters(graph, trained, train.adapter_rank)
        self.graph, self.train, self.trained = graph, train, trained
        self.tensors: dict[int, Tensor] = dict(graph.tensors)
        self.views: dict[int, int] = dict(graph.views)
        self.states: dict[int, State] = {}
        self.ops: list[Op] = []
        self.accumulated: list[tuple[int, int]] = []  # parameters, and where their gradients are summed
        self.random = -1  # the generator's state, if int8 weights are trained
        self.last = -1  # what the loss reads, if it is int8
        self.exponents: dict[int, int] = {}  # of gradients of block floating point
        self.scale: int | None = None
        self._next = max(graph.tensors) + 1
        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            raise InputError(
                f"{graph.name} has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; "
                "a model that trains has one each"
            )

    # ---- Tensors ---------------------------------------------------------------------------------------------

    def new(self, shape: Shape, dtype: str, name: str = "") -> int:
        number, self._next = self._next, self._next + 1
        self.tensors[number] = Tensor(name, tuple(shape), dtype)
        return number

    def generator(self) -> int:
        """The state of a generator of noise."""
        return self.state("random", np.array([self.train.seed], np.uint32).view(np.int32))

    def state(self, name: str, initial: np.ndarray[Any, Any], trained: bool = False) -> int:
        number = self.new(initial.shape, str(initial.dtype), name)
        self.states[number] = State(initial, "parameter" if trained else "optimizer")
        return number

    def root(self, number: int) -> int:
        while number in self.views:
            number = self.views[number]
        return number

    def emit(
        self, kind: str, inputs: Sequence[int], outputs: Sequence[int], attrs: Mapping[str, Any], index: int
    ) -> None:
        self.ops.append(Op(kind, tuple(inputs), tuple(outputs), dict(attrs), index))

    # ---- The programs ----------------------------------------------------------------------------------------

    def build(self) -> Graph:
        graph, train = self.graph, self.train
        ops = self.with_states()
        programs = [Program("infer", 0, len(ops), graph.inputs, graph.outputs)]
        self.ops = list(ops)
        self.step = self.state("step", np.zeros(STEP_SHAPE, np.float32))
        if train.floats == "float16":
            scale = np.zeros(SCALE_SHAPE, np.float32)
            scale[0] = train.loss_scale
            self.scale = self.state("loss scale", scale)
        freeze = graph.inputs[0]
        if train.latent:
            freeze = self._freeze_point()
            first = len(self.ops)
            front, copies = self._forward(_needed(graph, ops, freeze))
            if not front:
                raise InputError("train: latent has no frozen layers in front of those that are trained")
            features = Program("features", first, len(front), (copies[graph.inputs[0]],), (copies[freeze],))
            programs.append(features)
        first = len(self.ops)
        inputs = self._train_step(ops, freeze)
        programs.append(Program("train_step", first, len(self.ops) - first, inputs, (self.loss, self.step)))
        if train.accumulate > 1:
            first = len(self.ops)
            rate = self.new((1,), "float32", "learning_rate")
            self._apply(rate)
            programs.append(Program("apply", first, len(self.ops) - first, (rate,), (self.step,)))
        return verify(_with_masks(self.built(programs)), "training_graph")

    def built(self, programs: Sequence[Program]) -> Graph:
        """The graph of what was appended."""
        states = dict(sorted(self.states.items(), key=lambda item: (not item[1].trained, item[0])))
        used = {n for op in self.ops for n in (*op.inputs, *op.outputs)} | set(states)
        used |= {n for p in programs for n in (*p.inputs, *p.outputs)}
        used |= {self.root(n) for n in used}
        return replace(
            self.graph,
            tensors={number: tensor for number, tensor in self.tensors.items() if number in used},
            views={view: of for view, of in self.views.items() if view in used},
            ops=tuple(self.ops),
            states=states,
            named=tuple(programs),
        )

    def with_states(self) -> list[Op]:
        """The ops of the model, with what is trained as states."""
        ops = list(self.graph.ops)
        known: dict[int, int] = {}
        for position, indices in self.trained.items():
            op = ops[position]
            inputs = list(op.inputs)
            for index in indices:
                data = self.graph.tensors[inputs[index]].data
                assert data is not None  # or the op had not been imported
                if inputs[index] not in known:
                    bias = index != op_def(op.kind).trainable[0]
                    name = self.graph.tensors[inputs[index]].name
                    if not name or name in (self.tensors[n].name for n in self.states):
                        name = f"{self.graph.tensors[op.outputs[0]].name}/{BIAS if bias else WEIGHTS}"
                    wide = bias and data.dtype.kind == "f"
                    values = np.ascontiguousarray(data.astype(np.float32) if wide else data)
                    known[inputs[index]] = self.state(name, values, trained=True)
                    if op_def(op.kind).exponents:
                        exponent = self.graph.tensors[inputs[index + 1]].data
                        assert exponent is not None  # as its mantissas
                        known[inputs[index + 1]] = self.state(f"{name}{EXPONENT_OF}", exponent, trained=True)
                inputs[index] = known[inputs[index]]
                if op_def(op.kind).exponents:
                    inputs[index + 1] = known[inputs[index + 1]]
            try:
                of_tensors = op_def(op.kind).trained(op, [self.graph.tensors[number] for number in op.inputs])
            except NotDifferentiable as error:
                name = self.graph.tensors[op.outputs[0]].name
                raise InputError(f"{self.graph.name}: {op.kind} {name!r} cannot be trained: {error}") from error
            ops[position] = replace(of_tensors, inputs=tuple(inputs))
        if any(self.tensors[number].dtype in ("int8", "int16", "int32") for number in known.values()):
            self.random = self.generator()
        return ops

    def _freeze_point(self) -> int:
        """What the first trained layer reads, before it is made a float."""
        graph = self.graph
        number = graph.ops[min(self.trained)].inputs[0]
        producer = graph.producer(graph.root(number))
        while producer is not None and producer.kind in ("cast", "dequantize", "dequantize_int16"):
            number = producer.inputs[0]
            producer = graph.producer(graph.root(number))
        return graph.root(number)

    def _train_step(self, ops: list[Op], start: int) -> tuple[int, ...]:
        """Appends the program, from a tensor of the model on; returns its inputs."""
        graph, train = self.graph, self.train
        output, exponent = self._logits(ops) if train.loss == "softmax_ce" else (graph.outputs[0], None)
        ops = _needed(graph, ops, output, start)
        missing = {graph.root(n) for op in ops for n in op.inputs} - {n for op in ops for n in op.outputs} - {start}
        if any(graph.tensors[n].data is None for n in missing if n in graph.tensors):
            raise InputError("train: latent: layers behind the first trained one also read what lies before it")
        forward, copies = self._forward(ops)
        x = copies[start]
        y = self._real(copies[output])
        rate = self.new((1,), "float32", "learning_rate")
        shape = self.tensors[y].shape
        if train.loss == "softmax_ce":
            rows = math.prod(shape[:-1])
            target = self.new((rows,), "int32", "label")
            flat = self.new((rows, shape[-1]), self.tensors[y].dtype)
            self.views[flat] = y
            dflat, kind = self.new((rows, shape[-1]), self.tensors[y].dtype), "softmax_cross_entropy"
            dy = self.new(shape, self.tensors[y].dtype)
            self.views[dy] = dflat
        else:
            target = self.new(shape, self.tensors[y].dtype, "target")
            flat, kind = y, "mean_squared_error"
            dflat = dy = self.new(shape, self.tensors[y].dtype)
        self.loss = self.new((1,), "float32", "loss")
        scale = () if self.scale is None else (self.scale,)
        if exponent is not None:
            self.exponents[dflat] = self.new(EXPONENT, "int32")
            outputs, bits = (self.loss, dflat, self.exponents[dflat]), {"bits": gradient_bits(ops)}
            self.emit(f"{kind}_bfp16", (flat, copies[exponent], target), outputs, bits, -1)
        else:
            self.emit(f"{kind}_{self.tensors[y].dtype}", (flat, target, *scale), (self.loss, dflat), {}, -1)
        self.emit("step", (rate, self.loss, *scale), (self.step,), {}, -1)
        self._backward(forward, copies[output], dy)
        if self.scale is not None:
            attrs = {"interval": train.scale_interval, "maximum": MAX_SCALE}
            self.emit("loss_scale", (self.step,), (self.scale,), attrs, -1)
        return x, target, rate

    def _real(self, number: int) -> int:
        """What an int8 output stands for, as floats of the type of gradients; its own gradient is theirs."""
        tensor = self.tensors[self.root(number)]
        if tensor.dtype != "int8":
            return number
        self.last = self.root(number)
        real = self.new(self.tensors[number].shape, "float32")
        attrs = {"scale": tensor.scale, "zero_point": tensor.zero_point}
        self.emit("dequantize", (number,), (real,), attrs, -1)
        if self.train.floats == "float32":
            return real
        stored = self.new(self.tensors[number].shape, self.train.floats)
        self.emit("cast", (real,), (stored,), {"dtype": self.train.floats}, -1)
        return stored

    def _logits(self, ops: list[Op]) -> tuple[int, int | None]:
        """What the last softmax reads; without one, the output before it is cast to the type that the model gives.  And
        its exponent, where it has one."""
        number = self.graph.outputs[0]
        while True:
            producer = next((op for op in ops if self.graph.root(number) in op.outputs), None)
            if producer is None:
                return number, None
            if producer.kind in ("softmax_bfp16", "dequantize_bfp16"):
                return producer.inputs[0], producer.inputs[1]
            if producer.kind == "softmax" or producer.kind.startswith("softmax_float"):
                return producer.inputs[0], None
            if producer.kind not in ("cast", "dequantize"):
                return number, None
            number = producer.inputs[0]

    def _forward(self, ops: list[Op]) -> tuple[list[Op], dict[int, int]]:
        """Appends the forward half; returns its ops, and tensor of the model -> its copy."""
        copies: dict[int, int] = {}

        def copy(number: int) -> int:
            if number in self.states or self.tensors[self.root(number)].data is not None:
                return number
            if number not in copies:
                tensor = self.tensors[number]
                copies[number] = self.new(tensor.shape, tensor.dtype)
                self.tensors[copies[number]] = tensor
                if number in self.views:
                    self.views[copies[number]] = copy(self.views[number])
            return copies[number]

        found: list[Op] = []
        for op in ops:
            op = op_def(op.kind).for_training(replace(op, outputs=tuple(copy(n) for n in op.outputs)))
            op = replace(op, inputs=tuple(copy(n) for n in op.inputs))
            inputs = [self.tensors[n] for n in op.inputs]
            definition = op_def(op.kind)
            shapes, dtypes = definition.shapes(op, inputs), definition.dtypes(op, inputs)
            more = [self.new(s, d) for s, d in list(zip(shapes, dtypes, strict=True))[len(op.outputs) :]]
            found.append(replace(op, outputs=(*op.outputs, *more)))
        self.ops += found
        return found, copies

    def _backward(self, forward: list[Op], y: int, dy: int) -> None:
        """Appends the gradients, from that of y on."""
        leads: set[int] = set()  # roots that something trained has an influence on
        for op in forward:
            if any(n in self.states for n in op.inputs) or any(self.root(n) in leads for n in op.inputs):
                leads |= {self.root(n) for n in op.outputs}
        gradients = {self.root(y): dy}
        for op in self._from_the_last(forward, leads, gradients):
            dy = self._shaped(gradients.pop(op.outputs[0]), self.tensors[op.outputs[0]].shape)
            tape = OpTape(self, op, leads)
            try:
                found = op_def(op.kind).gradients(op, dy, tape)
            except NotDifferentiable as error:
                raise InputError(
                    f"{self.graph.name}: op {op.index} {op.kind} cannot be trained through: {error}; "
                    f'train only layers behind it, for example layers="last:1"'
                ) from error
            tape.finish()
            for index, gradient in found.items():
                root = self.root(op.inputs[index])
                gradients[root] = self._sum(gradients.get(root), gradient, self.tensors[root], op.index)

    def _from_the_last(self, forward: list[Op], leads: set[int], gradients: Mapping[int, int]) -> Iterator[Op]:
        """The ops that lead from something trained to the loss, each when the gradient of its output is whole.

        Of several, first the one after which the fewest gradients are alive: one of two branches to the same
        tensor waits until the other has come as far, since its gradient could only lie there.
        """
        left = [op for op in reversed(forward) if op.outputs[0] in leads]
        readers = {op.outputs[0]: sum(op.outputs[0] in map(self.root, other.inputs) for other in left) for op in left}

        def growth(op: Op) -> int:
            dy = self.root(gradients[op.outputs[0]])
            alone = sum(self.root(number) == dy for number in gradients.values()) == 1
            roots = {self.root(number) for number in op.inputs} & leads - set(gradients)
            return sum(self.tensors[root].elements for root in roots) - (self.tensors[dy].elements if alone else 0)

        while left:
            ready = [op for op in left if op.outputs[0] in gradients and readers[op.outputs[0]] == 0]
            if not ready:  # the others do not lead to the loss
                return
            op = min(ready, key=growth)
            left.remove(op)
            for root in {self.root(number) for number in op.inputs}:
                if root in readers:
                    readers[root] -= 1
            yield op

    def _sum(self, total: int | None, other: int, tensor: Tensor, index: int) -> int:
        """The sum of two gradients of a tensor, if there are two, in its shape."""
        other, dtype = self._shaped(other, tensor.shape), self.tensors[other].dtype
        if total is None:
            return other
        if dtype == "int16":
            raise InputError(
                f"{self.graph.name}: op {index} reads something that another layer reads, too; gradients of block "
                'floating point are not added up: use dtype "fp32" or "fp16"'
            )
        result = self.new(tensor.shape, dtype)
        attrs = {"act_min": -math.inf, "act_max": math.inf}
        self.emit(f"add_{dtype}", (total, other), (result,), attrs, index)
        return result

    def _shaped(self, number: int, shape: Shape) -> int:
        """The same bytes in another shape."""
        if self.tensors[number].shape == tuple(shape):
            return number
        view = self.new(shape, self.tensors[number].dtype)
        self.views[view] = number
        return view

    # ---- Parameters ------------------------------------------------------------------------------------------

    def update(
        self, kind: str, inputs: Sequence[int], parameters: Sequence[int], attrs: Mapping[str, Any], op: Op
    ) -> None:
        """Appends what computes and applies the gradients of those of the op's parameters that are trained."""
        train = self.train
        exponents = op_def(op.kind).exponents
        chosen = [op.inputs[index] if index < len(op.inputs) else -1 for index in parameters]
        trained = [number in self.states for number in chosen]
        if not any(trained):
            return
        flags = {"has_weights": trained[0], "has_bias": len(trained) > 1 and trained[1]}
        numbers = [number for number, wanted in zip(chosen, trained, strict=True) if wanted]
        if "_int8_" in kind:  # dy comes first
            reads = inputs if flags["has_weights"] else inputs[:1]
            how = {**PLAIN, "mode": SGD, "decay": train.decay}
            self.emit(kind, reads, (*numbers, self.random, self.step), {**attrs, **how, **flags}, op.index)
            return
        if exponents:
            pairs = [(n, op.inputs[e]) for n, e, wanted in zip(chosen, exponents, trained, strict=True) if wanted]
            writes = [number for pair in pairs for number in pair]
            reads = inputs if flags["has_weights"] else inputs[2:]
            self.emit(kind, (*reads, self.step), (*writes, self.random), {**attrs, **flags}, op.index)
            return
        reads = inputs if flags["has_weights"] else inputs[1:]
        if train.optimizer == "sgd" and train.accumulate == 1:
            how = {**PLAIN, "mode": SGD, "decay": train.decay}
            self.emit(kind, reads, (*numbers, self.step), {**attrs, **how, **flags}, op.index)
            return
        names = [self.tensors[number].name for number in numbers]
        if train.accumulate > 1:
            held = [self._zeros(number, f"{name}/gradient") for number, name in zip(numbers, names, strict=True)]
            how = {**PLAIN, "mode": ACCUMULATE, "alpha": 1 / train.accumulate, "beta": 1.0}
            self.accumulated += list(zip(numbers, held, strict=True))
        elif train.optimizer == "momentum":
            held = [self._zeros(number, f"{name}/velocity") for number, name in zip(numbers, names, strict=True)]
            how = {**PLAIN, "mode": ACCUMULATE, "beta": train.momentum}
        else:
            held = [self.new(self.tensors[number].shape, self.tensors[number].dtype) for number in numbers]
            how = {**PLAIN, "mode": ACCUMULATE}
        self.emit(kind, reads, (*held, self.step), {**attrs, **how, **flags}, op.index)
        if train.accumulate == 1:
            for number, gradient in zip(numbers, held, strict=True):
                self._optimize(number, gradient, op.index)

    def _zeros(self, number: int, name: str) -> int:
        tensor = self.tensors[number]
        return self.state(name, np.zeros(tensor.shape, tensor.dtype))

    def _optimize(self, number: int, gradient: int, index: int) -> None:
        """Appends the optimizer's op for a parameter whose gradient, or velocity, is there."""
        train, tensor = self.train, self.tensors[number]
        clears = train.accumulate > 1
        suffix = f"_{tensor.dtype}"
        if train.optimizer == "adam":
            m, v = (
                self._zeros(number, f"{tensor.name}/m"),
                self.state(f"{tensor.name}/v", np.zeros(tensor.shape, np.float32)),
            )
            correction = self.state(f"{tensor.name}/correction", np.zeros(2, np.float32))
            attrs: dict[str, Any] = {name: getattr(train, name) for name in ("beta1", "beta2", "epsilon", "decay")}
            outputs = [number, self.step, m, v, correction, *([gradient] if clears else [])]
            self.emit("adam" + suffix, (gradient,), outputs, {**attrs, "clear": clears}, index)
            return
        momentum = train.momentum if train.optimizer == "momentum" and clears else None
        attrs = {"decay": train.decay, "momentum": momentum, "gradient": "clear" if clears else "velocity"}
        outputs = [number, self.step, gradient]
        if momentum is not None:
            outputs.append(self._zeros(number, f"{tensor.name}/velocity"))
        self.emit("sgd" + suffix, (gradient,), outputs, attrs, index)

    def _apply(self, rate: int) -> None:
        """Appends the program that applies accumulated gradients."""
        finite = self.state("applied", np.zeros(1, np.float32))
        self.emit("step", (rate, finite), (self.step,), {}, -1)
        for number, gradient in self.accumulated:
            self._optimize(number, gradient, -1)


class OpTape:
    """groat.ops.base.Tape, for one op."""

    def __init__(self, builder: Builder, op: Op, leads: set[int]) -> None:
        self._builder, self._op, self._leads = builder, op, leads
        self._updates: list[tuple[str, tuple[int, ...], tuple[int, ...], Mapping[str, Any]]] = []

    def tensor(self, number: int) -> Tensor:
        return self._builder.tensors[number]

    def wanted(self, index: int) -> bool:
        return self._builder.root(self._op.inputs[index]) in self._leads

    def op(
        self,
        kind: str,
        inputs: Sequence[int],
        shape: Shape,
        attrs: Mapping[str, Any] | None = None,
        dtype: str | None = None,
        exponent: int | None = None,
    ) -> int:
        number = self._builder.new(shape, dtype or self.tensor(inputs[0]).dtype)
        outputs = [number]
        if self.tensor(number).dtype == "int16":
            if exponent is None:
                exponent = self._builder.new(EXPONENT, "int32")
                outputs.append(exponent)
            self._builder.exponents[number] = exponent
        self._builder.emit(kind, inputs, outputs, attrs or {}, self._op.index)
        return number

    def exponent(self, number: int) -> int:
        return self._builder.exponents[self._builder.root(number)]

    def update(
        self, kind: str, inputs: Sequence[int], parameters: Sequence[int], attrs: Mapping[str, Any] | None = None
    ) -> None:
        self._updates.append((kind, tuple(inputs), tuple(parameters), attrs or {}))

    def through_clamp(self, dy: int) -> int:
        y = self._op.outputs[0]
        tensor = self.tensor(y)
        if tensor.dtype == "int8":
            if y == self._builder.last:  # the loss is not clamped: an output at its limit must be able to leave it
                return dy
            attrs = {name: self._op.attrs.get(name, limit) for name, limit in INT8_LIMITS.items()}
            return self.op(f"clamp_grad_int8_{self.tensor(dy).dtype}", (dy, y), tensor.shape, attrs)
        attrs = {name: self._op.attrs[name] for name in INT8_LIMITS}
        if math.isinf(attrs["act_min"]) and math.isinf(attrs["act_max"]):
            return dy
        return self.op(f"clamp_grad_{tensor.dtype}", (dy, y), tensor.shape, attrs)

    @property
    def floats(self) -> str:
        return self._builder.train.floats

    def as_type(self, number: int, dtype: str) -> int:
        tensor = self.tensor(number)
        return number if tensor.dtype == dtype else self.op("cast", (number,), tensor.shape, {"dtype": dtype}, dtype)

    def finish(self) -> None:
        """Appends the updates: nothing reads the parameters' old values from here on."""
        for kind, inputs, parameters, attrs in self._updates:
            self._builder.update(kind, inputs, parameters, attrs, self._op)


def gradient_bits(ops: Sequence[Op]) -> int:
    """Of the magnitude of a gradient's mantissa, in a model of block floating point."""
    return min(op.attrs["gradient_bits"] for op in ops if op.kind == "conv_2d_bfp16")


def _needed(graph: Graph, ops: Sequence[Op], output: int, start: int | None = None) -> list[Op]:
    """The ops that lead to a tensor, from another one on."""
    wanted, found = {graph.root(output)}, []
    for op in reversed(ops):
        if wanted & set(op.outputs) - {start}:
            wanted |= {graph.root(number) for number in op.inputs}
            found.append(op)
    return found[::-1]


def _is_clamp_grad(op: Op) -> bool:
    return op.kind.startswith("clamp_grad_") and not op.kind.startswith("clamp_grad_mask_")


def _with_masks(graph: Graph) -> Graph:
    """Keeps a bit of each value, instead of the value, where a clamp's gradient is all that still asks for it."""
    program = next(program for program in graph.programs if program.name == "train_step")
    span = range(program.first, program.first + program.count)
    loss = program.first + loss_position(graph.ops_of(program))
    tensors = dict(graph.tensors)
    masks: dict[int, int] = {}  # tensor -> its mask
    made: dict[int, list[Op]] = {}  # position -> what follows the op there
    ops = list(graph.ops)
    readers: dict[int, list[int]] = {}
    for position in span:
        for number in graph.ops[position].inputs:
            readers.setdefault(graph.root(number), []).append(position)
    for position in range(loss, span.stop):
        op = ops[position]
        if not _is_clamp_grad(op):
            continue
        y = op.inputs[1]
        others = [p for p in readers[graph.root(y)] if p > loss and not _is_clamp_grad(graph.ops[p])]
        if others or graph.root(y) in program.outputs:
            continue
        if y not in masks:
            writer = next(p for p in span if graph.root(y) in graph.ops[p].outputs)
            masks[y] = max(tensors) + 1
            tensors[masks[y]] = Tensor("", (-(-tensors[y].elements // 8),), "uint8")
            mask = Op(f"clamp_mask_{tensors[y].dtype}", (y,), (masks[y],), op.attrs, op.index)
            made.setdefault(writer, []).append(mask)
        kind = f"clamp_grad_mask_{tensors[op.inputs[0]].dtype}"
        ops[position] = replace(op, kind=kind, inputs=(op.inputs[0], masks[y]), attrs={})
    if not masks:
        return graph
    result = [op for position in span for op in (ops[position], *made.get(position, ()))]
    return replace(graph, tensors=tensors).with_program(program, result)
