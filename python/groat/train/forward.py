# SPDX-License-Identifier: Apache-2.0
"""Training without a backward pass: the forward-forward algorithm (Hinton, "The Forward-Forward Algorithm", 2022).

Each layer learns by itself, right after it has run: its output should have a large mean square for an image that shows
its right label, and a small one for an image that shows a wrong one.  What a layer reads is normalised before, so that
it cannot see how well the one before did.  The last layer is a softmax on what the others make of an image without a
label; it learns by its own gradient, which goes no further.  So no activation outlives the layer behind it.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from groat.errors import InputError
from groat.graph import Graph, Op, Program, Tensor, verify
from groat.ops import op_def
from groat.ops.base import Shape
from groat.ops.floats import Trainable
from groat.ops.loss import STEP_SHAPE
from groat.train.options import Train
from groat.train.tape import Builder, OpTape

EPSILON = 1e-5
RELU = (0.0, math.inf)


def forward_graph(graph: Graph, train: Train) -> Graph:
    """A graph with the programs `infer` and `train_step`, as groat.train.tape.training_graph.

    Raises InputError unless the model is a chain of layers with ReLU, and at its end one without.
    """
    return _Forward(graph, train).build()


class _Forward(Builder):
    """Attributes:
    chain: the ops of the model.
    head: the position of the last one with weights.
    classes: of the labels.
    """

    def __init__(self, graph: Graph, train: Train) -> None:
        super().__init__(graph, train)
        self.layers = [p for p, op in enumerate(graph.ops) if isinstance(op_def(op.kind), Trainable)]
        self.head = self.layers[-1]
        self._require_chain()
        self.chain = self.with_states()
        self.classes = graph.tensors[graph.ops[self.head].outputs[0]].shape[-1]
        self.ones = self._constant(np.ones(1, np.float32))
        self.zeros = self._constant(np.zeros(1, np.float32))

    def _require_chain(self) -> None:
        graph = self.graph
        before = graph.inputs[0]
        for position, op in enumerate(graph.ops):
            reads = [graph.root(n) for n in op.inputs if graph.tensors[graph.root(n)].data is None]
            if reads != [before] or len(op.outputs) != 1:
                raise InputError(
                    f"{graph.name}: op {op.index} {op.kind} does not read what the op before gives, and only that; "
                    'algorithm "forward-forward" trains chains of layers: use "backprop"'
                )
            clamp = (op.attrs.get("act_min"), op.attrs.get("act_max"))
            if position in self.layers and position != self.head and clamp != RELU:
                raise InputError(
                    f"{graph.name}: op {op.index} {op.kind} ends without ReLU; algorithm "
                    '"forward-forward" trains layers that have one: use "backprop"'
                )
            before = op.outputs[0]
        if len(self.layers) < 2:
            raise InputError(f'{graph.name} has one layer with weights; algorithm "forward-forward" needs two or more')

    def _constant(self, data: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> int:
        number = self.new(data.shape, "float32")
        self.tensors[number] = Tensor("", data.shape, "float32", data=data)
        return number

    def build(self) -> Graph:
        graph = self.graph
        image, output = graph.inputs[0], graph.outputs[0]
        found = self._through(self._embedded(image), range(len(self.chain)), output)
        programs = [Program("infer", 0, len(self.ops), (image,), (found,))]
        self.step = self.state("step", np.zeros(STEP_SHAPE, np.float32))
        self.drawn = self.generator()
        first = len(self.ops)
        inputs = self._learn_step()
        programs.append(Program("train_step", first, len(self.ops) - first, inputs, (self.loss, self.step)))
        return verify(replace(self.built(programs), outputs=(found,)), "forward_graph")

    # ---- Passes ----------------------------------------------------------------------------------------------

    def _learn_step(self) -> tuple[int, ...]:
        source = self.tensors[self.graph.inputs[0]]
        image = self.new(source.shape, source.dtype, source.name)
        label, rate = self.new((1,), "int32", "label"), self.new((1,), "float32", "learning_rate")
        loss: int | None = None
        for negative in (False, True):
            loss = self._learn(self._embedded(image, label, negative), rate, loss, negative)
        features = self._through(self._embedded(image), range(self.head))
        _, logits, op = self._layer(self.chain[self.head], features)
        shape = self.tensors[logits].shape
        flat, dflat = self.new((1, self.classes), "float32"), self.new((1, self.classes), "float32")
        dy, own = self.new(shape, "float32"), self.new((1,), "float32")
        self.views |= {flat: logits, dy: dflat}
        self.emit("softmax_cross_entropy_float32", (flat, label), (own, dflat), {}, -1)
        self.loss = own
        if loss is not None:
            self.loss = self.new((1,), "float32", "loss")
            self.emit("add_float32", (loss, own), (self.loss,), {"act_min": -math.inf, "act_max": math.inf}, -1)
        self.emit("step", (rate, self.loss), (self.step,), {}, -1)
        self._update(op, dy)
        return image, label, rate

    def _embedded(self, image: int, label: int | None = None, negative: bool = False) -> int:
        """The image with its label, with another one, or without."""
        y = self.new(self.tensors[image].shape, "float32")
        attrs = {
            "classes": self.classes,
            "amplitude": self.train.label_amplitude,
            "pattern": self.chain[self.layers[0]].kind.startswith(("conv", "depthwise")),
            "draws": negative,
        }
        outputs = (y, self.drawn) if negative else (y,)
        self.emit("embed_label", (image,) if label is None else (image, label), outputs, attrs, -1)
        return y

    def _through(self, x: int, positions: range, output: int | None = None) -> int:
        """What some ops make of x."""
        for position in positions:
            op = self.chain[position]
            _, x, _ = self._layer(op, x) if position in self.layers else (0, self._moved(op, x), None)
        return x

    def _learn(self, x: int, rate: int, loss: int | None, negative: bool) -> int | None:
        """Steps of all hidden layers that are trained; returns the sum of their losses."""
        last = max((p for p in self.layers if p in self.trained and p != self.head), default=-1)
        for position in range(last + 1):
            op = self.chain[position]
            if position not in self.layers:
                x = self._moved(op, x)
                continue
            _, x, made = self._layer(op, x)
            if position in self.trained:
                total = self.new((1,), "float32")
                attrs = {"threshold": self.train.threshold, "negative": negative}
                reads = (x, rate) if loss is None else (x, rate, loss)
                self.emit("goodness", reads, (total, self.step), attrs, op.index)
                self._update(made, x)
                loss = total
        return loss

    def _layer(self, op: Op, x: int) -> tuple[int, int, Op]:
        """(what it reads, its output, itself), its input normalised."""
        normal = self._normalized(x, self.tensors[op.inputs[0]].shape)
        made = replace(op, inputs=(normal, *op.inputs[1:]))
        y = self._moved(made, normal)
        return normal, y, replace(made, outputs=(y,))

    def _moved(self, op: Op, x: int) -> int:
        """The output of an op that reads x."""
        out = self.tensors[op.outputs[0]]
        y = self.new(out.shape, out.dtype, out.name)
        x = self._as(x, self.tensors[op.inputs[0]].shape)
        self.emit(op.kind, (x, *op.inputs[1:]), (y,), op.attrs, op.index)
        return y

    def _normalized(self, x: int, shape: Shape) -> int:
        """With mean 0 and variance 1 over the whole of it."""
        count = self.tensors[x].elements
        y = self.new((1, count, 1), "float32")
        attrs = {"groups": 1, "epsilon": EPSILON, "stats": False, "act_min": -math.inf, "act_max": math.inf}
        self.emit("group_norm_float32", (self._as(x, (1, count, 1)), self.ones, self.zeros), (y,), attrs, -1)
        return self._as(y, shape)

    def _as(self, x: int, shape: Shape) -> int:
        """The same bytes in another shape."""
        if self.tensors[x].shape == shape:
            return x
        view = self.new(shape, self.tensors[x].dtype)
        self.views[view] = x
        return view

    def _update(self, op: Op, dy: int) -> None:
        """A step of a layer's own parameters; its ReLU lets all of dy pass that is not 0."""
        linear = replace(op, attrs={**op.attrs, "act_min": -math.inf, "act_max": math.inf})
        tape = OpTape(self, linear, set())
        op_def(op.kind).gradients(linear, dy, tape)
        tape.finish()
