# SPDX-License-Identifier: Apache-2.0
"""Random small models, int8 or int16 mixed with int8, for comparing implementations on graphs that nobody thought of.

A model grows op by op from a seed.  Each tensor carries a rough guess of how its stored values are spread, so
that the next op can choose scales that fill the range of its type with its results: then roundings, ties and
saturation all happen, and few outputs are constant.  A tenth of the scales are wild all the same.
Every model is one that TensorFlow Lite Micro runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite
from hypothesis import strategies as st
from tools.tflite_builder import Activation, Builder, Padding, Pair, Quant, Tensor, range_quant, window_output

Array = npt.NDArray[Any]

MAX_OPS = 8
MAX_ELEMENTS = 3000
MAX_CHANNELS = 24
MAX_RANK = 5  # of TRANSPOSE and PAD in TFLM
FLOAT_RANGE = 6.0  # of float inputs, more or less
WILD = 0.1  # the share of scales chosen without regard to the values


INTEGERS = {
    tflite.TensorType.INT8: np.int8,
    tflite.TensorType.UINT8: np.uint8,
    tflite.TensorType.INT16: np.int16,
}


@dataclass(frozen=True)
class RandomModel:
    """A model by its seed.  The first ops of a longer model of the same seed are those of a shorter one.

    Attributes:
        ops: how often the model has grown; most steps add one op, some two or three.
        exclude: names of ops to leave out, as in `OPS`.
        wide: activations are int16 for the most part.
    """

    seed: int
    ops: int = MAX_OPS
    exclude: frozenset[str] = frozenset()
    wide: bool = False

    def build(self) -> bytes:
        """The `.tflite` file."""
        return _Grower(self.seed, self.exclude, self.wide).grow(self.ops)


def random_model(seed: int, exclude: Iterable[str] = (), wide: bool = False) -> bytes:
    """A model of one to MAX_OPS steps; the same arguments give the same bytes."""
    return RandomModel(seed, 1 + seed % MAX_OPS, frozenset(exclude), wide).build()


def random_models(exclude: Iterable[str] = ()) -> st.SearchStrategy[RandomModel]:
    """A strategy that shrinks towards models of few ops."""
    return st.builds(
        RandomModel,
        seed=st.integers(0, 2**32 - 1),
        ops=st.integers(1, MAX_OPS),
        exclude=st.just(frozenset(exclude)),
        wide=st.booleans(),
    )


def random_inputs(model: bytes, seed: int) -> list[Array]:
    """An array for each input of a `.tflite` file: integers over their whole range, or only its two ends."""
    rng = np.random.default_rng(seed)
    graph = tflite.Model.GetRootAs(model, 0).Subgraphs(0)
    arrays: list[Array] = []
    for position in range(graph.InputsLength()):
        tensor = graph.Tensors(graph.Inputs(position))
        shape = tuple(tensor.Shape(axis) for axis in range(tensor.ShapeLength()))
        if tensor.Type() == tflite.TensorType.FLOAT32:
            arrays.append(rng.normal(0.0, FLOAT_RANGE / 2, shape).astype(np.float32))
            continue
        limits = np.iinfo(INTEGERS[tensor.Type()])
        values = rng.integers(limits.min, limits.max + 1, shape)
        if rng.random() < 0.2:
            values = np.where(values < (limits.min + limits.max) / 2, limits.min, limits.max)
        arrays.append(values.astype(limits.dtype))
    return arrays


@dataclass(frozen=True)
class _Live:
    """A tensor that further ops may read, and the rough centre and spread of its stored values."""

    tensor: Tensor
    centre: float
    spread: float

    @property
    def quant(self) -> Quant:
        assert self.tensor.quant is not None
        return self.tensor.quant

    @property
    def scale(self) -> float:
        return self.quant.scales[0]

    @property
    def real_mean(self) -> float:
        return self.scale * (self.centre - self.quant.zero_points[0])

    @property
    def real_size(self) -> float:
        """Root mean square of the real values."""
        return math.hypot(self.real_mean, self.scale * self.spread)


class _Grower:
    """Builds one model."""

    def __init__(self, seed: int, exclude: frozenset[str], mixed: bool) -> None:
        self.rng = np.random.default_rng(seed)
        self.m = Builder(f"random model {seed}")
        self.live: list[_Live] = []
        self.read: set[int] = set()
        left_out = exclude if mixed else exclude | WIDE_ONLY
        self.ops = {name: grow for name, grow in OPS.items() if name not in left_out}
        self.exclude = exclude
        self.mixed = mixed
        self.wide = mixed  # the op that is added works on int16

    @property
    def unit(self) -> int:
        """How many stored values are one of int8's."""
        return 256 if self.wide else 1

    @property
    def dtype(self) -> str:
        return "int16" if self.wide else "int8"

    def clip(self, stored: float) -> float:
        limits = np.iinfo(self.dtype)
        return float(np.clip(stored, limits.min, limits.max))

    def grow(self, steps: int) -> bytes:
        for _ in range(self.integer(1, 2)):
            self.add_input()
        weights = np.array([FREQUENT.get(name, 1.0) for name in self.ops])
        shares = weights / weights.sum()
        done = 0
        while done < steps:
            x = self.pick()
            self.wide = x.tensor.dtype == "int16"
            name = str(self.rng.choice(list(self.ops), p=shares))
            y = self.ops[name](self, x)
            if y is not None:
                self.live.append(y)
                done += 1
        return self.m.build(self.outputs())

    # -- choices --

    def integer(self, low: int, high: int) -> int:
        """Uniform, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def between(self, low: float, high: float) -> float:
        """Log-uniform."""
        return float(np.exp(self.rng.uniform(math.log(low), math.log(high))))

    def pair(self, low: int, high: int) -> Pair:
        return self.integer(low, high), self.integer(low, high)

    def pick(self) -> _Live:
        """A tensor to go on from: most often the newest."""
        return self.live[-1] if self.chance(0.7) else self.live[self.integer(0, len(self.live) - 1)]

    def use(self, x: _Live) -> Tensor:
        self.read.add(x.tensor.index)
        return x.tensor

    def zero_point(self) -> int:
        if self.wide:
            return 0
        return self.integer(-128, 127) if self.chance(0.6) else int(self.rng.choice([-128, 0, 127]))

    def activation(self, scale: float) -> Activation:
        """NONE or one whose limits lie within the type's range at this scale."""
        names: list[Activation] = ["NONE", "NONE", "RELU"]
        scale *= self.unit
        if 0.02 < scale < 1.0:
            names.append("RELU6")
        if 0.005 < scale < 0.3:
            names.append("RELU_N1_TO_1")
        return names[self.integer(0, len(names) - 1)]

    def place(self, mean: float, size: float) -> tuple[Quant, float, float]:
        """A quantisation for real values of this mean and root mean square, and the stored centre and spread."""
        spread = self.between(0.05, 2000.0) if self.chance(WILD) else self.between(15.0, 110.0)
        if self.wide:
            spread *= self.unit
            scale = float(np.float32(max(size, abs(mean), 1e-6) / spread))
            return Quant(scale), self.clip(mean / scale), min(spread, 80.0 * self.unit)
        scale = float(np.float32(max(size, 1e-6) / spread))
        zero_point = self.zero_point()
        if not self.chance(WILD):
            zero_point = int(np.clip(round(self.rng.uniform(-60, 60) - mean / scale), -128, 127))
        centre = float(np.clip(zero_point + mean / scale, -128, 127))
        return Quant(scale, zero_point), centre, min(spread, 80.0)

    # -- the ends --

    def add_input(self) -> None:
        rank = 4 if self.chance(0.7) else self.integer(1, MAX_RANK)
        shape = [self.integer(1, 9) for _ in range(rank)]
        if rank == 4:
            shape = [1 if self.chance(0.7) else self.integer(2, 3), *shape[1:3], self.integer(1, 12)]
        while math.prod(shape) > MAX_ELEMENTS // 3:
            shape[int(np.argmax(shape))] //= 2
        self.wide = self.mixed
        kind = self.rng.random()
        if self.wide:
            self.add_wide_input(shape, kind)
        elif kind < 0.1 and not {"QUANTIZE", "float32"} & self.exclude:
            x = self.m.input(shape, "float32")
            quant = range_quant(-FLOAT_RANGE * self.between(0.1, 2), FLOAT_RANGE * self.between(0.1, 2))
            self.live.append(_Live(self.m.quantize(x, quant), 0.0, 60.0))
        elif kind < 0.2 and not {"QUANTIZE", "uint8"} & self.exclude:
            scale = self.between(0.003, 0.3)
            x = self.m.input(shape, "uint8", Quant(scale, self.integer(0, 255)))
            zero_points = x.quant.zero_points if x.quant else (0,)
            self.live.append(_Live(self.m.quantize(x, Quant(scale, zero_points[0] - 128)), -0.5, 74.0))
        else:
            quant = Quant(self.between(0.003, 0.3), self.zero_point())
            self.live.append(_Live(self.m.input(shape, quant=quant), -0.5, 74.0))

    def add_wide_input(self, shape: list[int], kind: float) -> None:
        if kind < 0.1 and not {"QUANTIZE", "float32"} & self.exclude:
            x = self.m.input(shape, "float32")
            quant = Quant(FLOAT_RANGE * self.between(0.1, 2) / 32768)
            self.live.append(_Live(self.m.quantize(x, quant, "int16"), 0.0, 60.0 * self.unit))
        elif kind < 0.2 and "QUANTIZE" not in self.exclude:
            scale = self.between(0.003, 0.3)
            x = self.m.input(shape, "int8", Quant(scale, int(self.integer(-128, 127))))
            self.live.append(_Live(self.m.quantize(x, Quant(scale / 100), "int16"), 0.0, 7400.0))
        else:
            quant = Quant(self.between(0.003, 0.3) / self.unit)
            self.live.append(_Live(self.m.input(shape, "int16", quant), -0.5, 74.0 * self.unit))

    def outputs(self) -> list[Tensor]:
        """Everything that nothing reads, and sometimes something that is read too."""
        ends = [x.tensor for x in self.live if x.tensor.index not in self.read]
        if self.chance(0.15):
            extra = self.pick().tensor
            ends += [] if extra in ends else [extra]
        outputs = []
        for end in ends:
            kind = self.rng.random()
            if kind < 0.08 and "DEQUANTIZE" not in self.exclude:
                outputs.append(self.m.dequantize(end))
            elif (
                kind < 0.14
                and not {"QUANTIZE", "uint8"} & self.exclude
                and end.quant is not None
                and end.dtype == "int8"
            ):
                quant = Quant(end.quant.scale, end.quant.zero_points[0] + 128)
                outputs.append(self.m.quantize(end, quant, "uint8"))
            else:
                outputs.append(end)
        return outputs

    # -- filters --

    def weights(self, shape: tuple[int, ...]) -> tuple[Array, int]:
        """Weights and how many bits they have."""
        bits = 4 if self.chance(0.2) and "int4" not in self.exclude and not self.wide else 8
        end = 1 << (bits - 1)
        if self.chance(0.1):
            return self.rng.choice([-end, end - 1], shape).astype(np.int8), bits
        return self.rng.integers(-end if bits == 4 else 1 - end, end, shape).astype(np.int8), bits

    def filter_scales(
        self, x: _Live, weights: Array, taps: int, axis: int
    ) -> tuple[Array | None, Quant, Quant, Activation, float, float]:
        """Bias, weight and output quantisation, activation, and the output's centre and spread.

        The output's scale is free, since the weights' scale can make up for it.
        """
        if self.wide:
            return self.wide_filter_scales(x, weights, taps, axis)
        channels = weights.shape[axis]
        size = math.sqrt(taps * float(np.mean(weights.astype(np.float64) ** 2))) * x.real_size / x.scale
        spread = self.between(0.05, 2000.0) if self.chance(WILD) else self.between(15.0, 110.0)
        scale = float(np.float32(self.between(0.01, 0.3)))
        step = spread / max(size, 1.0) * scale / x.scale  # of the weights
        if self.chance(0.7):
            spans = np.exp(self.rng.uniform(math.log(0.3), math.log(3.0), channels))
            weight_quant = Quant(tuple(float(np.float32(step * span)) for span in spans), 0, axis)
        else:
            weight_quant = Quant(float(np.float32(step)), 0, axis)
        bias = None
        if self.chance(0.85):
            bias = np.clip(np.rint(self.rng.normal(0, size, channels)), -(2**30), 2**30).astype(np.int32)
        activation = self.activation(scale)
        zero_point = self.zero_point() if activation == "NONE" else self.integer(-128, 40)
        centre = zero_point if activation == "NONE" else zero_point + spread / 2
        return bias, weight_quant, Quant(scale, zero_point), activation, min(centre, 127.0), min(spread, 80.0)

    def wide_filter_scales(
        self, x: _Live, weights: Array, taps: int, axis: int
    ) -> tuple[Array | None, Quant, Quant, Activation, float, float]:
        channels = weights.shape[axis]
        size = math.sqrt(taps * float(np.mean(weights.astype(np.float64) ** 2))) * x.real_size / x.scale
        spread = self.unit * (self.between(0.05, 500.0) if self.chance(WILD) else self.between(15.0, 110.0))
        scale = float(np.float32(self.between(0.01, 0.3) / self.unit))
        factor = min(spread / max(size, 1.0), 2000.0)
        step = factor * scale / x.scale  # of the weights
        per_channel = np.exp(self.rng.uniform(math.log(0.3), math.log(3.0), channels))
        if self.chance(0.7):
            weight_quant = Quant(tuple(float(np.float32(step * span)) for span in per_channel), 0, axis)
        else:
            weight_quant = Quant(float(np.float32(step)), 0, axis)
        bias = None
        if self.chance(0.85):
            values = np.rint(self.rng.normal(0, size, channels))
            bias = np.clip(values, -(2**30), 2**30).astype(np.int64)
            if axis == 0 and self.chance(0.3):  # TFLM has no depthwise convolution with such a bias
                bias = bias.astype(np.int32)
            elif self.chance(0.2):
                bias += self.rng.integers(-(2**34), 2**34, channels) // int(max(1.0, 2.0 ** self.integer(0, 8)))
        activation = self.activation(scale)
        centre = 0.0 if activation == "NONE" else self.clip(spread / 2)
        return bias, weight_quant, Quant(scale), activation, centre, min(spread, 80.0 * self.unit)

    def window(self, x: Tensor) -> tuple[Pair, Pair, Pair, Padding] | None:
        """Kernel, stride, dilation and padding that leave at least one output pixel."""
        kernel, stride, dilation = self.pair(1, 4), self.pair(1, 3), self.pair(1, 3)
        if self.chance(0.5):
            dilation = (1, 1)
        padding: Padding = "SAME" if self.chance(0.6) else "VALID"
        fits = all(window_output(x.shape[1 + i], kernel[i], stride[i], dilation[i], padding) > 0 for i in range(2))
        return (kernel, stride, dilation, padding) if fits else None

    def conv_2d(self, x: _Live) -> _Live | None:
        if x.tensor.rank != 4 or (window := self.window(x.tensor)) is None:
            return None
        kernel, stride, dilation, padding = window
        in_c = x.tensor.shape[3]
        divisors = [g for g in range(1, in_c + 1) if in_c % g == 0]
        groups = int(self.rng.choice(divisors)) if self.chance(0.3) else 1
        out_c = groups * self.integer(1, max(1, MAX_CHANNELS // groups // 2))
        weights, bits = self.weights((out_c, *kernel, in_c // groups))
        bias, weight_quant, quant, activation, centre, spread = self.filter_scales(
            x, weights, math.prod(weights.shape[1:]), 0
        )
        y = self.m.conv_2d(
            self.use(x),
            weights,
            bias,
            weight_quant,
            quant,
            stride=stride,
            dilation=dilation,
            padding=padding,
            activation=activation,
            weight_bits=bits,
        )
        return _Live(y, centre, spread)

    def depthwise_conv_2d(self, x: _Live) -> _Live | None:
        if x.tensor.rank != 4 or (window := self.window(x.tensor)) is None:
            return None
        kernel, stride, dilation, padding = window
        in_c = x.tensor.shape[3]
        multiplier = self.integer(1, 3) if self.chance(0.4) else 1
        if in_c * multiplier > 2 * MAX_CHANNELS:
            return None
        weights, bits = self.weights((1, *kernel, in_c * multiplier))
        bias, weight_quant, quant, activation, centre, spread = self.filter_scales(x, weights, math.prod(kernel), 3)
        y = self.m.depthwise_conv_2d(
            self.use(x),
            weights,
            bias,
            weight_quant,
            quant,
            stride=stride,
            dilation=dilation,
            padding=padding,
            activation=activation,
            weight_bits=bits,
        )
        return _Live(y, centre, spread)

    def fully_connected(self, x: _Live) -> _Live | None:
        if x.tensor.rank == 0:
            return None
        depth, out_c = x.tensor.shape[-1], self.integer(1, MAX_CHANNELS)
        if not self.chance(0.5) and math.prod(x.tensor.shape) <= 600:
            depth = math.prod(x.tensor.shape)
        keep = depth == x.tensor.shape[-1] and x.tensor.rank > 2 and self.chance(0.4)
        if math.prod(x.tensor.shape) // depth * out_c > MAX_ELEMENTS:
            return None
        weights, bits = self.weights((out_c, depth))
        bias, weight_quant, quant, activation, centre, spread = self.filter_scales(x, weights, depth, 0)
        if bits == 4 and len(weight_quant.scales) > 1:  # TFLM has no kernel for that
            weight_quant = Quant(weight_quant.scales[0])
        y = self.m.fully_connected(
            self.use(x),
            weights,
            bias,
            weight_quant,
            quant,
            keep_num_dims=keep,
            activation=activation,
            weight_bits=bits,
        )
        return _Live(y, centre, spread)

    # -- pools and means --

    def pool(self, x: _Live, average: bool) -> _Live | None:
        if x.tensor.rank != 4 or (window := self.window(x.tensor)) is None:
            return None
        kernel, stride, dilation, padding = window
        if dilation != (1, 1):
            return None
        pool = self.m.average_pool_2d if average else self.m.max_pool_2d
        activation = self.activation(x.scale) if self.chance(0.3) else "NONE"
        if x.quant.zero_points[0] > 60:
            activation = "NONE"
        y = pool(self.use(x), kernel, stride=stride, padding=padding, activation=activation)
        taps = math.prod(kernel)
        centre = x.centre if average else min(x.centre + x.spread * math.log(taps + 1.0), 120.0 * self.unit)
        return _Live(y, centre, max(x.spread / math.sqrt(taps), 4.0 * self.unit))

    def average_pool_2d(self, x: _Live) -> _Live | None:
        return self.pool(x, average=True)

    def max_pool_2d(self, x: _Live) -> _Live | None:
        return self.pool(x, average=False)

    def mean(self, x: _Live) -> _Live | None:
        rank = x.tensor.rank
        if rank == 0:
            return None
        axes = [int(axis) for axis in self.rng.permutation(rank)[: self.integer(1, rank)]]
        if rank == 4 and self.chance(0.4):
            axes = [1, 2]
        count = math.prod(x.tensor.shape[axis] for axis in axes)
        axes = [axis - rank if self.chance(0.2) else axis for axis in axes]
        quant, centre, spread = x.quant, x.centre, max(x.spread / math.sqrt(count), 2.0 * self.unit)
        if self.chance(0.6):
            quant, centre, spread = self.place(x.real_mean, x.scale * x.spread / math.sqrt(count))
        return _Live(self.m.mean(self.use(x), axes, quant, self.chance(0.5)), centre, spread)

    # -- two operands --

    def operand(self, x: _Live) -> _Live:
        """Another tensor, or a constant, that broadcasts with x; perhaps x itself."""
        others = [
            y for y in self.live if y.tensor.dtype == x.tensor.dtype and self.broadcasts(x.tensor.shape, y.tensor.shape)
        ]
        if others and self.chance(0.6):
            return others[self.integer(0, len(others) - 1)]
        shape = [1 if self.chance(0.4) else dim for dim in x.tensor.shape]
        shape = shape[self.integer(0, len(shape)) if self.chance(0.4) else 0 :]
        quant = Quant(x.scale * self.between(0.05, 20.0), self.zero_point())
        data = self.rng.integers(-128 * self.unit, 128 * self.unit, shape).astype(self.dtype)
        return _Live(self.m.constant(np.asarray(data), quant), -0.5, 74.0 * self.unit)

    @staticmethod
    def broadcasts(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
        try:
            shape = np.broadcast_shapes(a, b)
        except ValueError:
            return False
        return math.prod(shape) <= MAX_ELEMENTS

    def add(self, x: _Live) -> _Live | None:
        other = self.operand(x)
        a, b = (x, other) if self.chance(0.7) else (other, x)
        quant, centre, spread = self.place(
            a.real_mean + b.real_mean, math.hypot(a.scale * a.spread, b.scale * b.spread)
        )
        # From 1 on, TFLM aborts.
        if max(a.scale, b.scale) / 2 ** (14 if self.wide else 19) / quant.scales[0] > 0.5:
            return None
        y = self.m.add(self.use(a), self.use(b), quant, activation=self.elementwise_activation(quant))
        return _Live(y, centre, spread)

    def mul(self, x: _Live) -> _Live | None:
        other = self.operand(x)
        a, b = (x, other) if self.chance(0.7) else (other, x)
        quant, centre, spread = self.place(a.real_mean * b.real_mean, a.real_size * b.real_size)
        y = self.m.mul(self.use(a), self.use(b), quant, activation=self.elementwise_activation(quant))
        return _Live(y, centre, spread)

    def elementwise_activation(self, quant: Quant) -> Activation:
        if quant.zero_points[0] > 60 or self.chance(0.5):
            return "NONE"
        return self.activation(quant.scales[0])

    # -- moving data --

    def pad(self, x: _Live) -> _Live | None:
        if not 1 <= x.tensor.rank <= MAX_RANK:
            return None
        paddings = [self.pair(0, 2) if self.chance(0.5) else (0, 0) for _ in range(x.tensor.rank)]
        grown = math.prod(dim + sum(pads) for dim, pads in zip(x.tensor.shape, paddings, strict=True))
        if grown > MAX_ELEMENTS:
            return None
        value = self.unit * self.integer(-128, 127) if self.chance(0.4) and "PADV2" not in self.exclude else None
        return _Live(self.m.pad(self.use(x), paddings, value), x.centre, x.spread)

    def reshape(self, x: _Live) -> _Live | None:
        total = math.prod(x.tensor.shape)
        rank = 4 if self.chance(0.5) else self.integer(1, MAX_RANK)
        shape = []
        rest = total
        for _ in range(rank - 1):
            divisors = [d for d in range(1, min(rest, 16) + 1) if rest % d == 0]
            shape.append(int(self.rng.choice(divisors)))
            rest //= shape[-1]
        shape = [int(dim) for dim in self.rng.permutation([*shape, rest])]
        if self.chance(0.3):
            shape[self.integer(0, rank - 1)] = -1
        return _Live(self.m.reshape(self.use(x), shape), x.centre, x.spread)

    def transpose(self, x: _Live) -> _Live | None:
        if not 2 <= x.tensor.rank <= MAX_RANK:
            return None
        permutation = [int(axis) for axis in self.rng.permutation(x.tensor.rank)]
        return _Live(self.m.transpose(self.use(x), permutation), x.centre, x.spread)

    def concatenation(self, x: _Live) -> _Live | None:
        """Joins x with a tensor that fits, requantised if need be, or with itself."""
        rank = x.tensor.rank
        if rank == 0:
            return None
        axis = self.integer(0, rank - 1)
        fitting = [
            y
            for y in self.live
            if y.tensor.dtype == x.tensor.dtype
            and y.tensor.rank == rank
            and all(y.tensor.shape[i] == x.tensor.shape[i] for i in range(rank) if i != axis)
        ]
        parts = [fitting[self.integer(0, len(fitting) - 1)] for _ in range(self.integer(1, 2))]
        tensors = [self.use(x)]
        for part in parts:
            same = part.quant == x.quant
            if not same and "QUANTIZE" in self.exclude:
                return None
            tensors.append(self.use(part) if same else self.m.quantize(self.use(part), x.quant, self.dtype))
        if sum(math.prod(tensor.shape) for tensor in tensors) > MAX_ELEMENTS:
            return None
        signed = axis - rank if self.chance(0.3) else axis
        return _Live(self.m.concatenation(tensors, signed), x.centre, x.spread)

    # -- one value at a time --

    def softmax(self, x: _Live) -> _Live | None:
        if x.tensor.rank == 0 or x.tensor.shape[-1] > 500:  # TFLM aborts over longer rows
            return None
        size = x.scale * x.spread
        if not (0.2 < size < 20.0 or self.chance(WILD)):
            return None
        beta = 1.0 if self.chance(0.6) else float(np.float32(self.between(0.3, 3.0)))
        y = self.m.softmax(self.use(x), beta=beta)
        return _Live(y, 5000.0, 6000.0) if self.wide else _Live(y, -90.0, 50.0)

    def logistic(self, x: _Live) -> _Live | None:
        size = x.scale * x.spread
        if not (0.2 < size < 20.0 or self.chance(WILD)):
            return None
        if self.wide:
            return _Live(self.m.logistic(self.use(x)), 16384.0, min(8000.0 * size, 10_000.0)) if x.scale < 2.6 else None
        return _Live(self.m.logistic(self.use(x)), 0.0, min(60.0 * size, 80.0))

    def tanh(self, x: _Live) -> _Live | None:
        size = x.scale * x.spread
        if not self.wide or x.scale >= 2.6 or not (0.1 < size < 10.0 or self.chance(WILD)):
            return None
        return _Live(self.m.tanh(self.use(x)), 0.0, 16_000.0)

    def relu(self, x: _Live) -> _Live | None:
        if self.chance(0.4):
            return _Live(self.m.relu(self.use(x)), x.centre, x.spread) if x.quant.zero_points[0] < 60 else None
        quant, centre, spread = self.place(x.real_mean, x.real_size)
        if quant.zero_points[0] > 60:
            return None
        return _Live(self.m.relu(self.use(x), quant), centre, spread)

    def relu6(self, x: _Live) -> _Live | None:
        if x.quant.zero_points[0] > 60 or not 0.01 < x.scale * self.unit < 1.0:
            return None
        return _Live(self.m.relu6(self.use(x)), x.centre, x.spread)

    def quantize(self, x: _Live) -> _Live | None:
        if self.mixed and self.chance(0.5):
            self.wide = not self.wide
        quant, centre, spread = self.place(x.real_mean, x.scale * x.spread)
        return _Live(self.m.quantize(self.use(x), quant, self.dtype), centre, spread)


# By name in the schema; a step returns None where the op does not fit the tensor, and another is tried.
OPS: dict[str, Callable[[_Grower, _Live], _Live | None]] = {
    "CONV_2D": _Grower.conv_2d,
    "DEPTHWISE_CONV_2D": _Grower.depthwise_conv_2d,
    "FULLY_CONNECTED": _Grower.fully_connected,
    "AVERAGE_POOL_2D": _Grower.average_pool_2d,
    "MAX_POOL_2D": _Grower.max_pool_2d,
    "MEAN": _Grower.mean,
    "ADD": _Grower.add,
    "MUL": _Grower.mul,
    "PAD": _Grower.pad,
    "RESHAPE": _Grower.reshape,
    "TRANSPOSE": _Grower.transpose,
    "CONCATENATION": _Grower.concatenation,
    "SOFTMAX": _Grower.softmax,
    "LOGISTIC": _Grower.logistic,
    "RELU": _Grower.relu,
    "RELU6": _Grower.relu6,
    "QUANTIZE": _Grower.quantize,
    "TANH": _Grower.tanh,
}
WIDE_ONLY = frozenset({"TANH"})
# These have the most to get wrong and fit the fewest tensors.
FREQUENT = {"CONV_2D": 4.0, "DEPTHWISE_CONV_2D": 3.0, "AVERAGE_POOL_2D": 2.0, "MAX_POOL_2D": 2.0}
