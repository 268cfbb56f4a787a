# SPDX-License-Identifier: Apache-2.0
"""float32 becomes block floating point: int16 mantissas that share an exponent, for cores without an FPU.

Not bit-exact, so never done unless asked for; inputs and outputs of the model stay float32.  Mantissas get so many bits
that no sum of products can have more than 2^30 (docs/NUMERICS.md).
"""

from __future__ import annotations

import math
from dataclasses import replace

from groat.errors import InputError
from groat.graph import Graph, Op, Tensor
from groat.graph.ir import Array
from groat.ops.bfp import BITS, EXPONENT, SUM_BITS, exponent_tensor, quantized
from groat.ops.conv_2d_bfp16 import GEOMETRY, POINT
from groat.ops.window import UINT16_MAX

WEIGHT_BITS = 13
BIAS_BITS = BITS.stop - 1
LINEAR, RELU = (-math.inf, math.inf), (0.0, math.inf)
LAYERS = ("conv_2d_float32", "fully_connected_float32")
KNOWN = "convolutions without groups, dense layers, ReLU, max pooling, reshape, and softmax at the end"


def to_bfp16(graph: Graph) -> Graph:
    """Raises InputError if the model has something else than these, or sums of too many products."""
    return _Conversion(graph).run()


def bits_of(graph: Graph) -> tuple[int, int]:
    """(of activations, of gradients): magnitudes of mantissas in a graph of floats."""
    activation = gradient = BITS.stop - 1
    pixels = 1
    for op in graph.ops:
        if op.kind in LAYERS:
            weights, y = graph.tensors[op.inputs[1]], graph.tensors[op.outputs[0]]
            out_c = weights.shape[0]
            activation = min(activation, SUM_BITS - WEIGHT_BITS - _log2(weights.elements // out_c))
            pixels = max(pixels, y.elements // out_c)
            if graph.root(op.inputs[0]) not in graph.inputs:
                gradient = min(gradient, SUM_BITS - WEIGHT_BITS - _log2(weights.elements // weights.shape[-1]))
    gradient = min(gradient, SUM_BITS - activation - _log2(pixels))
    if min(activation, gradient) not in BITS:
        raise InputError(
            f"{graph.name}: block floating point leaves {activation} bits for activations and {gradient} for "
            f"gradients, so that sums fit 32 bits; at least {BITS.start} are needed: use dtype fp32"
        )
    return activation, gradient


def _log2(count: int) -> int:
    return (count - 1).bit_length()


class _Conversion:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.tensors: dict[int, Tensor] = dict(graph.tensors)
        self.ops: list[Op] = []
        self.blocks: dict[int, tuple[int, int]] = {}  # float32 tensor -> (mantissas, exponent)
        self.bits, self.gradient_bits = bits_of(graph)

    def run(self) -> Graph:
        for op in self.graph.ops:
            self._convert(op)
        used = {number for op in self.ops for number in (*op.inputs, *op.outputs)}
        used |= {*self.graph.inputs, *self.graph.outputs}
        kept = {number: tensor for number, tensor in self.tensors.items() if number in used}
        return replace(self.graph, tensors=kept, ops=tuple(self.ops))

    def _new(self, tensor: Tensor) -> int:
        number = max(self.tensors) + 1
        self.tensors[number] = tensor
        return number

    def _exponent(self, name: str = "", data: Array | None = None) -> int:
        return self._new(Tensor(name, EXPONENT, "int32", data=data))

    def _block(self, number: int) -> tuple[int, int]:
        """(mantissas, exponent) of what an op reads."""
        if number not in self.blocks:
            found = (self._new(replace(self.tensors[number], dtype="int16")), self._exponent())
            self.ops.append(Op("quantize_bfp16", (number,), found, {"bits": self.bits}))
            self.blocks[number] = found
        return self.blocks[number]

    def _constant(self, number: int, bits: int) -> tuple[int, int]:
        """The same of a constant."""
        tensor = self.tensors[number]
        assert tensor.data is not None  # importers see to it
        if number not in self.blocks:
            data, exponent = quantized(tensor.data, bits)
            exponent = exponent if data.any() else -bits  # zeros that are trained become fractions first
            name = f"{tensor.name}{EXPONENT_OF}" if tensor.name else ""
            block = self._new(replace(tensor, dtype="int16", data=data))
            self.blocks[number] = (block, self._exponent(name, exponent_tensor(exponent)))
        return self.blocks[number]

    def _written(self, number: int, exponent: int | None = None) -> tuple[int, int]:
        """(mantissas, exponent) for what an op writes; the mantissas take the place of the float32 tensor, unless that
        is an output of the model."""
        if number in self.graph.outputs:
            mantissa = self._new(replace(self.tensors[number], dtype="int16", name=""))
        else:
            self.tensors[number] = replace(self.tensors[number], dtype="int16")
            mantissa = number
        self.blocks[number] = (mantissa, self._exponent() if exponent is None else exponent)
        return self.blocks[number]

    def _convert(self, op: Op) -> None:
        number = op.outputs[0]
        if op.kind in LAYERS:
            self._layer(op)
        elif op.kind == "max_pool_2d_float32" and (op.attrs["act_min"], op.attrs["act_max"]) == LINEAR:
            x, exponent = self._block(op.inputs[0])
            y, _ = self._written(number, exponent)
            attrs = {**op.attrs, "act_min": -BIGGEST, "act_max": BIGGEST, "trained": True}
            self.ops.append(replace(op, kind="max_pool_2d_int16", inputs=(x,), outputs=(y,), attrs=attrs))
        elif op.kind == "reshape" and self.tensors[op.inputs[0]].data is None:
            x, exponent = self._block(op.inputs[0])
            y, _ = self._written(number, exponent)
            self.ops.append(replace(op, inputs=(x,), outputs=(y,)))
        elif op.kind == "softmax_float32" and number in self.graph.outputs and op.attrs["beta"] == 1:
            self.ops.append(Op("softmax_bfp16", self._block(op.inputs[0]), (number,), {}, op.index))
            return
        else:
            raise InputError(
                f"{self.graph.name}: op {op.index} {op.kind} cannot be block floating point; that has {KNOWN}: "
                "use dtype fp32 or fp16"
            )
        if number in self.graph.outputs:
            self.ops.append(Op("dequantize_bfp16", self.blocks[number], (number,), {}, op.index))

    def _layer(self, op: Op) -> None:
        clamp = (op.attrs["act_min"], op.attrs["act_max"])
        weights = self.tensors[op.inputs[1]]
        if op.attrs.get("groups", 1) != 1 or clamp not in (LINEAR, RELU) or weights.shape[-1] > UINT16_MAX:
            raise InputError(
                f"{self.graph.name}: op {op.index} {op.kind} has groups, limits other than ReLU's, or more than "
                f"{UINT16_MAX:,} inputs; block floating point has {KNOWN}: use dtype fp32 or fp16"
            )
        x, exponent = self._block(op.inputs[0])
        if op.kind == "fully_connected_float32":
            x = self._shaped(x, (self.tensors[x].elements // weights.shape[1], weights.shape[1]), op.index)
        inputs = [x, exponent, *self._constant(op.inputs[1], WEIGHT_BITS)]
        if len(op.inputs) > 2:
            inputs += self._constant(op.inputs[2], BIAS_BITS)
        attrs = {
            **{name: op.attrs.get(name, POINT[name]) for name in GEOMETRY},
            "relu": clamp == RELU,
            "bits": self.bits,
            "gradient_bits": self.gradient_bits,
            "weight_bits": WEIGHT_BITS,
        }
        y, of_y = self._written(op.outputs[0])
        shape = self.tensors[y].shape
        rows = (self.tensors[y].elements // weights.shape[0], weights.shape[0])
        if op.kind == "conv_2d_float32" or shape == rows:
            self.ops.append(Op("conv_2d_bfp16", tuple(inputs), (y, of_y), attrs, op.index))
            return
        flat = self._new(replace(self.tensors[y], name="", shape=rows))
        self.ops.append(Op("conv_2d_bfp16", tuple(inputs), (flat, of_y), attrs, op.index))
        self.ops.append(Op("reshape", (flat,), (y,), {"out_shape": shape}, op.index))

    def _shaped(self, number: int, shape: tuple[int, ...], index: int) -> int:
        """The same mantissas in another shape."""
        tensor = self.tensors[number]
        if tensor.shape == shape:
            return number
        view = self._new(replace(tensor, name="", shape=shape))
        self.ops.append(Op("reshape", (number,), (view,), {"out_shape": shape}, index))
        return view


BIGGEST = 32767
EXPONENT_OF = "/exponent"
"""What follows a parameter's name in that of its exponent."""
