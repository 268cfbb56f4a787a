# SPDX-License-Identifier: Apache-2.0
"""Every op of the table: its C kernel against its NumPy reference, and both against TensorFlow Lite Micro.

All tests go by the table, so that an op added to it fails here until it has cases of its own.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tflite
from tests.support.bfp_cases import BFP
from tests.support.float_functions import BINARY, UNARY
from tests.support.forward_cases import FORWARD
from tests.support.graphs import kinds, pack_as_is, random_int8
from tests.support.integer_cases import CALLS, MODELS
from tests.support.material import ROOT
from tests.support.oracle import needs_tflm
from tests.support.random_floats import random_float_model
from tests.support.random_graphs import OPS, WIDE_ONLY, RandomModel, random_inputs, random_model
from tests.support.training_cases import TRAINING
from tools.tflite_builder import Builder, Quant

import groat
from groat import kernels
from groat.graph import Graph, Op
from groat.ops import call as call_module
from groat.ops import op_def, op_row, op_rows, tflite_importers
from groat.ops.base import OpDef
from groat.ops.unary_float32 import FUNCTIONS
from groat.oracle.tflm import Tflm
from groat.passes.to_float16 import to_float16
from groat.runners.host import HostRunner
from groat.validation import find_difference

Array = npt.NDArray[Any]
Rng = np.random.Generator

NAMES = [row.name for row in op_rows()]
INFERENCE = [row.name for row in op_rows() if row.id <= 55]  # those that imported models have
INT32 = np.iinfo(np.int32)
CASES = 60  # of every op, by direct calls


# ---- The contract of an op ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_an_op_is_its_row_its_c_file_and_its_module(name: str) -> None:
    module = importlib.import_module(f"groat.ops.{name}")
    assert isinstance(module.OP, OpDef)
    assert op_def(name) is module.OP
    for method in ("shapes", "reference", "params"):
        assert getattr(type(module.OP), method) is not getattr(OpDef, method)
    assert (module.__doc__ or "").strip()
    assert (ROOT / "runtime" / "ops" / f"{name}.c").is_file()
    known = {member for member in vars(tflite.BuiltinOperator) if not member.startswith("_")}
    assert set(module.OP.tflite) <= known


@pytest.mark.parametrize("name", NAMES)
def test_an_op_is_a_documented_function(name: str) -> None:
    function = getattr(kernels, kernels.function_name(name))
    signature = inspect.signature(function)
    document = inspect.getdoc(function) or ""
    for heading in ("Args:", "Returns", "Raises InputError"):
        assert heading in document
    described = document.partition("Args:")[2]
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty
    array_names = [key for key, value in signature.parameters.items() if "ArrayLike" in str(value.annotation)]
    assert array_names
    assert all(key in described for key in array_names)
    assert signature.parameters["on"].default == "host"


def test_the_functions_are_those_of_the_table() -> None:
    assert dir(kernels) == sorted({kernels.function_name(name) for name in NAMES})
    with pytest.raises(AttributeError, match=r"groat\.kernels has no 'conv3d'; it has adam_float, add, "):
        kernels.conv3d  # noqa: B018


def test_names_and_ids_are_unique_and_so_are_importers() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert len({row.id for row in op_rows()}) == len(NAMES)
    claimed = Counter(name for op in NAMES for name in op_def(op).tflite)
    assert max(claimed.values()) == 1
    assert set(tflite_importers()) == set(claimed)
    with pytest.raises(KeyError):
        op_row("conv_7d")


# ---- Kernel against reference, by random models ------------------------------------------------------------


def disagreement(graph: Graph, packed: bytes, inputs: Sequence[Array], seen: Counter[str]) -> str | None:
    """Runs step by step and repeats each step by NumPy on what the kernels computed before it."""
    values = {number: tensor.data for number, tensor in graph.tensors.items() if tensor.data is not None}
    values |= dict(zip(graph.inputs, inputs, strict=True))
    with HostRunner(packed) as runner:
        for index, outputs in runner.trace(inputs):
            op = graph.ops[index]
            reads = [values[graph.root(number)].reshape(graph.tensors[number].shape) for number in op.inputs]
            for number, found, expected in zip(op.outputs, outputs, op_def(op.kind).reference(op, reads), strict=True):
                values[number] = found
                if found.dtype != expected.dtype or not same(found, expected):
                    where = np.argwhere(found != expected)
                    return f"step {index} {op.kind}: {len(where)} elements differ, first at {where[:1].tolist()}"
            seen[op.kind] += 1
    return None


@pytest.mark.parametrize("optimised", [False, True], ids=["as imported", "optimised"])
def test_kernels_equal_references_in_random_models(optimised: bool) -> None:
    seen: Counter[str] = Counter()
    for seed in range(1500):
        model = random_model(seed, wide=seed >= 600) if seed < 1000 else random_float_model(seed)
        floats = "float16" if seed >= 1250 else "float32"
        if optimised:
            compiled = groat.compile(model, floats=floats)
            graph, packed = compiled.graph, compiled.packed
        else:
            graph = groat.load(model).graph
            graph, packed = pack_as_is(to_float16(graph) if floats == "float16" else graph)
        found = disagreement(graph, packed, random_inputs(model, seed), seen)
        assert found is None, f"random_model({seed}): {found}"
    if not optimised:
        assert {name: seen[name] for name in INFERENCE if seen[name] < 15} == {}, "ops that these models hardly have"


def test_a_wrong_reference_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(0)
    graph, packed = pack_as_is(groat.load(model).graph)
    victim = type(op_def(graph.ops[-1].kind))
    right = victim.reference

    def wrong(self: OpDef, op: Op, inputs: Sequence[Array]) -> list[Array]:
        (y,) = right(self, op, inputs)
        y = y.copy()
        y.flat[-1] ^= 1
        return [y]

    monkeypatch.setattr(victim, "reference", wrong)
    found = disagreement(graph, packed, random_inputs(model, 0), Counter())
    assert found is not None
    assert graph.ops[-1].kind in found


# ---- Kernel against reference, by direct calls -------------------------------------------------------------


def shape_of(rng: Rng, rank: int, most: int = 5) -> tuple[int, ...]:
    return tuple(int(size) for size in rng.integers(1, most + 1, rank))


def zero_point(rng: Rng) -> int:
    return int(rng.choice([-128, 0, 127])) if rng.random() < 0.4 else int(rng.integers(-128, 128))


def clamp(rng: Rng) -> dict[str, int]:
    if rng.random() < 0.5:
        return {"act_min": -128, "act_max": 127}
    low, high = sorted(int(value) for value in rng.integers(-128, 128, 2))
    return {"act_min": low, "act_max": high}


def scaling(rng: Rng, count: int, depth: int) -> dict[str, Array]:
    """Multipliers and shifts: most bring accumulators of this depth into range, some are as extreme as can be."""
    size = count if rng.random() < 0.7 else 1
    multiplier = rng.integers(1 << 30, 1 << 31, size)
    shift = rng.integers(-10, -3, size) - int(np.log2(depth)) // 2
    if rng.random() < 0.3:
        multiplier = np.where(rng.random(size) < 0.5, rng.choice([0, 1, INT32.max], size), multiplier)
        shift = rng.integers(-31, 31, size)
    return {"multiplier": multiplier.astype(np.int32), "shift": shift.astype(np.int32)}


def bias(rng: Rng, count: int) -> Array | None:
    kind = rng.random()
    if kind < 0.2:
        return None
    if kind < 0.4:
        return rng.choice(np.array([INT32.min, INT32.max, 0], np.int32), count)
    return rng.integers(-20000, 20000, count).astype(np.int32)


def sliding(rng: Rng, size: tuple[int, int], dilated: bool = True) -> dict[str, Any]:
    """A window that fits an image, and its arguments: kernel, stride, padding, and dilation where there is one."""
    while True:
        kernel, stride = (tuple(int(n) for n in rng.integers(1, 4, 2)) for _ in range(2))
        dilation = tuple(int(n) for n in rng.integers(1, 4, 2)) if dilated and rng.random() < 0.3 else (1, 1)
        reach = [(kernel[i] - 1) * dilation[i] + 1 for i in range(2)]
        padding: Any = rng.choice(["same", "valid"])
        around = [(0, 0), (0, 0)]
        if rng.random() < 0.3:
            around = [(int(rng.integers(0, r)), int(rng.integers(0, r))) for r in reach]
            padding = tuple(around)
        if padding == "same" or all(size[i] + sum(around[i]) >= reach[i] for i in range(2)):
            window = {"kernel": kernel, "stride": stride, "padding": padding}
            return {**window, "dilation": dilation} if dilated else window


def random_weights(rng: Rng, shape: tuple[int, ...], bits: int) -> Array:
    """int8 in the range of so many bits."""
    return np.asarray(random_int8(rng, shape) >> (8 - bits), np.int8)


def case_conv(rng: Rng, function: Callable[..., Array] = kernels.conv2d, bits: int = 8) -> None:
    n, h, w, _ = shape_of(rng, 4, 7)
    groups, depth, filters = (int(value) for value in rng.integers(1, 5, 3))
    groups = groups if rng.random() < 0.4 else 1
    window = sliding(rng, (h, w))
    weights = random_weights(rng, (groups * filters, *window.pop("kernel"), depth), bits)
    zero_points = {"input_zero_point": zero_point(rng), "output_zero_point": zero_point(rng)}
    taps = weights[0].size * 4000
    factors = scaling(rng, len(weights), taps)
    x = random_int8(rng, (min(n, 2), h, w, groups * depth))
    function(x, weights, bias(rng, len(weights)), **factors, **window, **zero_points, **clamp(rng))


def case_depthwise(rng: Rng, function: Callable[..., Array] = kernels.depthwise_conv2d, bits: int = 8) -> None:
    n, h, w, c = shape_of(rng, 4, 7)
    out_c = c * int(rng.integers(1, 4))
    window = sliding(rng, (h, w))
    weights = random_weights(rng, (1, *window.pop("kernel"), out_c), bits)
    zero_points = {"input_zero_point": zero_point(rng), "output_zero_point": zero_point(rng)}
    factors = scaling(rng, out_c, weights.size // out_c * 4000)
    x = random_int8(rng, (min(n, 2), h, w, c))
    function(x, weights, bias(rng, out_c), **factors, **window, **zero_points, **clamp(rng))


def case_fully_connected(rng: Rng, function: Callable[..., Array] = kernels.fully_connected, bits: int = 8) -> None:
    batches, out_c = shape_of(rng, 2, 6)
    depth = int(rng.integers(1, 70))
    function(
        random_int8(rng, (batches, depth)),
        random_weights(rng, (out_c, depth), bits),
        bias(rng, out_c),
        **scaling(rng, out_c, depth * 4000),
        input_zero_point=zero_point(rng),
        weights_zero_point=zero_point(rng) if rng.random() < 0.5 else 0,
        output_zero_point=zero_point(rng),
        **clamp(rng),
    )


def case_pool(function: Callable[..., Array]) -> Callable[[Rng], None]:
    def case(rng: Rng) -> None:
        n, h, w, c = shape_of(rng, 4, 8)
        function(random_int8(rng, (min(n, 2), h, w, c)), **sliding(rng, (h, w), dilated=False), **clamp(rng))

    return case


def operands(rng: Rng) -> tuple[Array, Array]:
    """Two arrays that broadcast, over at most six dimensions."""
    shape = shape_of(rng, int(rng.integers(0, 7)), 3)
    a, b = (tuple(1 if rng.random() < 0.3 else size for size in shape) for _ in range(2))
    if rng.random() < 0.5:
        b = b[int(rng.integers(0, len(b) + 1)) :]
    return (
        (random_int8(rng, a), random_int8(rng, b)) if rng.random() < 0.5 else (random_int8(rng, b), random_int8(rng, a))
    )


def case_elementwise(function: Callable[..., Array]) -> Callable[[Rng], None]:
    def case(rng: Rng) -> None:
        a, b = operands(rng)
        a_scale, b_scale = np.exp(rng.uniform(-7, 2, 2))
        combined = a_scale + b_scale if function is kernels.add else a_scale * b_scale * 100
        zero_points = {f"{name}_zero_point": zero_point(rng) for name in ("a", "b", "output")}
        output_scale = combined * np.exp(rng.uniform(-2, 3))
        kernel_scales = {"a_scale": a_scale, "b_scale": b_scale, "output_scale": output_scale}
        function(a, b, **kernel_scales, **zero_points, **clamp(rng))

    return case


def case_mean(rng: Rng) -> None:
    rank = int(rng.integers(1, 6))
    axes = rng.permutation(rank)[: int(rng.integers(1, rank + 1))].tolist()
    kernels.mean(
        random_int8(rng, shape_of(rng, rank, 6)),
        [axis - rank if rng.random() < 0.3 else axis for axis in axes],
        input_scale=0.1,
        output_scale=0.1 * float(np.exp(rng.uniform(-3, 3))) if rng.random() < 0.7 else 0.1,
        input_zero_point=zero_point(rng),
        output_zero_point=zero_point(rng),
        keep_dims=bool(rng.random() < 0.5),
    )


def any_array(rng: Rng, shape: Sequence[int], dtypes: Sequence[str]) -> Array:
    """Random bytes as any of the types; bits of floats that are no numbers included."""
    dtype = np.dtype(str(rng.choice(list(dtypes))))
    count = int(np.prod(shape, dtype=np.int64))
    return rng.integers(0, 256, count * dtype.itemsize).astype(np.uint8).view(dtype).reshape(tuple(shape))


def case_pad(rng: Rng) -> None:
    rank = int(rng.integers(1, 7))
    x = any_array(rng, shape_of(rng, rank, 4), ("int8", "int16", "float32"))
    value = zero_point(rng) if x.dtype != np.float32 else float(np.float32(rng.normal()))
    kernels.pad(x, [(int(a), int(b)) for a, b in rng.integers(0, 3, (rank, 2))], value)


ANY = ("int8", "uint8", "int16", "int32", "float32", "float16")


def case_reshape(rng: Rng) -> None:
    x = any_array(rng, shape_of(rng, int(rng.integers(0, 6)), 5), ANY)
    kernels.reshape(x, [1, x.size] if rng.random() < 0.5 else x.shape[::-1])


def case_transpose(rng: Rng) -> None:
    rank = int(rng.integers(1, 7))
    kernels.transpose(any_array(rng, shape_of(rng, rank, 4), ANY), rng.permutation(rank).tolist())


def case_concatenation(rng: Rng) -> None:
    rank = int(rng.integers(1, 6))
    axis = int(rng.integers(0, rank))
    shape, dtype = shape_of(rng, rank, 4), str(rng.choice(["int8", "int16", "float32"]))
    sizes = rng.integers(1, 6, int(rng.integers(1, 5)))
    parts = [any_array(rng, (*shape[:axis], int(size), *shape[axis + 1 :]), (dtype,)) for size in sizes]
    kernels.concatenation(parts, axis - rank if rng.random() < 0.3 else axis)


def case_softmax(rng: Rng) -> None:
    x = random_int8(rng, (*shape_of(rng, int(rng.integers(0, 4)), 4), int(rng.integers(1, 200))))
    kernels.softmax(x, input_scale=float(np.exp(rng.uniform(-14, 3))), beta=float(np.exp(rng.uniform(-1, 1))))


def case_lut(rng: Rng) -> None:
    x = any_array(rng, shape_of(rng, int(rng.integers(0, 5))), ("int8", "uint8"))
    kernels.lut(x, any_array(rng, (256,), ("int8", "uint8")))


def case_quantize(rng: Rng) -> None:
    scale = float(np.exp(rng.uniform(-8, 8)))
    halves = (rng.integers(-300, 300, 200) + rng.choice([0.0, 0.5, -0.5], 200)) * np.float32(scale)
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 3e38, -3e38, 1e-45, -1e-45], np.float32)
    near = np.nextafter(halves.astype(np.float32), np.float32(rng.choice([-np.inf, np.inf])))
    x = np.concatenate([halves.astype(np.float32), near, special])
    kernels.quantize(x, scale=scale, zero_point=zero_point(rng))


def case_dequantize(rng: Rng) -> None:
    x = np.arange(-128, 128).astype(np.int8).reshape(2, -1)
    kernels.dequantize(x, scale=float(np.exp(rng.uniform(-40, 40))), zero_point=zero_point(rng))


# ---- The same with int16 activations ----


def random_int16(rng: Rng, shape: Sequence[int]) -> Array:
    """int16 over the whole range, or only its two ends."""
    if rng.random() < 0.2:
        return rng.choice(np.array([-32768, 32767], np.int16), tuple(shape))
    return rng.integers(-32768, 32768, tuple(shape)).astype(np.int16)


def clamp_int16(rng: Rng) -> dict[str, int]:
    if rng.random() < 0.5:
        return {}
    low, high = sorted(int(value) for value in rng.integers(-32768, 32768, 2))
    return {"act_min": low, "act_max": high}


def scaling_int16(rng: Rng, count: int, depth: int, dtypes: Sequence[str]) -> dict[str, Array | None]:
    """Bias, multiplier and shift: most bring sums of `depth` products into range, some are as extreme as can be."""
    dtype = str(rng.choice([*dtypes, "none"]))
    wide = dtype != "int32"
    values = None
    if dtype != "none":
        limits = np.iinfo(dtype)
        ends = rng.choice(np.array([limits.min, limits.max, 0], dtype), count)
        values = ends if rng.random() < 0.2 else rng.integers(-(2**22), 2**22, count).astype(dtype)
    multiplier = rng.integers(1 << 30, 1 << 31, count)
    shift = rng.integers(-9, -3, count) - int(np.log2(depth)) // 2
    if rng.random() < 0.3:
        multiplier = np.where(rng.random(count) < 0.5, rng.choice([0, 1, INT32.max], count), multiplier)
        shift = rng.integers(-31, 15 if wide else 31, count)
    return {"bias": values, "multiplier": multiplier.astype(np.int32), "shift": shift.astype(np.int32)}


def case_conv_int16(rng: Rng) -> None:
    n, h, w, _ = shape_of(rng, 4, 7)
    groups, depth, filters = (int(value) for value in rng.integers(1, 5, 3))
    groups = groups if rng.random() < 0.4 else 1
    window = sliding(rng, (h, w))
    weights = random_int8(rng, (groups * filters, *window.pop("kernel"), depth))
    constants = scaling_int16(rng, len(weights), weights[0].size, ("int32", "int64"))
    x = random_int16(rng, (min(n, 2), h, w, groups * depth))
    kernels.conv2d(x, weights, **constants, **window, **clamp_int16(rng))


def case_depthwise_int16(rng: Rng) -> None:
    n, h, w, c = shape_of(rng, 4, 7)
    out_c = c * int(rng.integers(1, 4))
    window = sliding(rng, (h, w))
    weights = random_int8(rng, (1, *window.pop("kernel"), out_c))
    constants = scaling_int16(rng, out_c, weights.size // out_c, ("int64",))
    kernels.depthwise_conv2d(
        random_int16(rng, (min(n, 2), h, w, c)), weights, **constants, **window, **clamp_int16(rng)
    )


def case_fully_connected_int16(rng: Rng) -> None:
    batches, out_c = shape_of(rng, 2, 6)
    depth = int(rng.integers(1, 70)) if rng.random() < 0.8 else int(rng.integers(500, 1100))
    kernels.fully_connected(
        random_int16(rng, (batches, depth)),
        random_int8(rng, (out_c, depth)),
        weights_zero_point=zero_point(rng) if rng.random() < 0.3 else 0,
        **scaling_int16(rng, out_c, depth, ("int32", "int64")),
        **clamp_int16(rng),
    )


def case_pool_int16(function: Callable[..., Array]) -> Callable[[Rng], None]:
    def case(rng: Rng) -> None:
        n, h, w, c = shape_of(rng, 4, 8)
        x = random_int16(rng, (min(n, 2), h, w, c))
        function(x, **sliding(rng, (h, w), dilated=False), **clamp_int16(rng))

    return case


def case_elementwise_int16(function: Callable[..., Array]) -> Callable[[Rng], None]:
    def case(rng: Rng) -> None:
        a, b = (random_int16(rng, array.shape) for array in operands(rng))
        a_scale, b_scale = np.exp(rng.uniform(-12, 2, 2))
        combined = a_scale + b_scale if function is kernels.add else a_scale * b_scale * 30_000
        output_scale = combined * np.exp(rng.uniform(-2, 3))
        function(a, b, a_scale=a_scale, b_scale=b_scale, output_scale=output_scale, **clamp_int16(rng))

    return case


def case_mean_int16(rng: Rng) -> None:
    rank = int(rng.integers(1, 6))
    axes = rng.permutation(rank)[: int(rng.integers(1, rank + 1))].tolist()
    output_scale = 0.1 * float(np.exp(rng.uniform(-3, 3)))
    x = random_int16(rng, shape_of(rng, rank, 6))
    kernels.mean(x, axes, input_scale=0.1, output_scale=output_scale, keep_dims=bool(rng.random() < 0.5))


def case_softmax_int16(rng: Rng) -> None:
    x = random_int16(rng, (*shape_of(rng, int(rng.integers(0, 4)), 4), int(rng.integers(1, 200))))
    kernels.softmax(x, input_scale=float(np.exp(rng.uniform(-14, 3))), beta=float(np.exp(rng.uniform(-1, 1))))


def case_sigmoid(rng: Rng) -> None:
    x = random_int16(rng, shape_of(rng, int(rng.integers(0, 5))))
    input_scale = 1 / 4096 if rng.random() < 0.2 else float(np.exp(rng.uniform(-12, 0.9)))
    kernels.sigmoid(x, input_scale=input_scale, tanh=bool(rng.random() < 0.5))


def case_rescale(rng: Rng) -> None:
    shape = shape_of(rng, int(rng.integers(0, 5)))
    narrow_in, narrow_out = rng.random(2) < 0.5
    kernels.rescale(
        random_int8(rng, shape) if narrow_in else random_int16(rng, shape),
        input_scale=1.0 if narrow_in else 1 / 256,
        output_scale=float(np.exp(rng.uniform(-2, 2))) * (1.0 if narrow_out else 1 / 256),
        input_zero_point=zero_point(rng) if narrow_in else 0,
        output_zero_point=zero_point(rng) if narrow_out else 0,
        dtype="int8" if narrow_out else "int16",
        **(clamp(rng) if narrow_out else clamp_int16(rng)),
    )


def case_quantize_int16(rng: Rng) -> None:
    scale = float(np.exp(rng.uniform(-8, 8)))
    halves = (rng.integers(-33_000, 33_000, 200) + rng.choice([0.0, 0.5, -0.5], 200)) * np.float32(scale)
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 3e38, -3e38, 1e-45, -1e-45], np.float32)
    ends = (np.array([32766.5, 32767.0, 32767.5, -32767.5, -32768.0, -32768.5]) * scale).astype(np.float32)
    near = np.nextafter(halves.astype(np.float32), np.float32(rng.choice([-np.inf, np.inf])))
    kernels.quantize(np.concatenate([halves.astype(np.float32), near, special, ends]), scale=scale, dtype="int16")


def case_dequantize_int16(rng: Rng) -> None:
    kernels.dequantize(random_int16(rng, (2, 50)), scale=float(np.exp(rng.uniform(-40, 40))))


# ---- The same with floats ----


def random_floats(rng: Rng, shape: Sequence[int], dtype: str) -> Array:
    """Of one size, of all sizes, or with the values that are special; sums may become infinite, or no numbers."""
    x = rng.normal(0, 1, tuple(shape))
    if rng.random() < 0.3:
        x = x * np.exp2(rng.uniform(*((-140, 120) if dtype == "float32" else (-24, 14)), x.shape))
    if rng.random() < 0.2:
        special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, 3e38])
        x = np.where(rng.random(x.shape) < 0.2, rng.choice(special, x.shape), x)
    with np.errstate(over="ignore"):
        return x.astype(dtype)


def clamp_floats(rng: Rng) -> dict[str, float]:
    if rng.random() < 0.5:
        return {}
    low, high = sorted(float(value) for value in rng.normal(0, 1, 2))
    return {"act_min": low, "act_max": high} if rng.random() < 0.5 else {"act_min": 0.0}


def float_bias(rng: Rng, count: int, dtype: str) -> Array | None:
    bias = rng.normal(0, 1, count).astype(dtype if rng.random() < 0.5 else np.float32)
    return bias if rng.random() < 0.7 else None


def case_conv_float(rng: Rng, dtype: str = "float32") -> None:
    n, h, w, _ = shape_of(rng, 4, 7)
    groups, depth, filters = (int(value) for value in rng.integers(1, 5, 3))
    groups = groups if rng.random() < 0.4 else 1
    window = sliding(rng, (h, w))
    weights = random_floats(rng, (groups * filters, *window.pop("kernel"), depth), dtype)
    x = random_floats(rng, (min(n, 2), h, w, groups * depth), dtype)
    kernels.conv2d_float(x, weights, float_bias(rng, len(weights), dtype), **window, **clamp_floats(rng))


def case_depthwise_float(rng: Rng, dtype: str = "float32") -> None:
    n, h, w, c = shape_of(rng, 4, 7)
    out_c = c * int(rng.integers(1, 4))
    window = sliding(rng, (h, w))
    weights = random_floats(rng, (1, *window.pop("kernel"), out_c), dtype)
    x = random_floats(rng, (min(n, 2), h, w, c), dtype)
    kernels.depthwise_conv2d_float(x, weights, float_bias(rng, out_c, dtype), **window, **clamp_floats(rng))


def case_fully_connected_float(rng: Rng, dtype: str = "float32") -> None:
    (batches, out_c), depth = shape_of(rng, 2, 6), int(rng.integers(1, 70))
    x, weights = random_floats(rng, (batches, depth), dtype), random_floats(rng, (out_c, depth), dtype)
    kernels.fully_connected_float(x, weights, float_bias(rng, out_c, dtype), **clamp_floats(rng))


def case_pool_float(function: Callable[..., Array], dtype: str = "float32") -> Callable[[Rng], None]:
    def case(rng: Rng) -> None:
        n, h, w, c = shape_of(rng, 4, 8)
        x = random_floats(rng, (min(n, 2), h, w, c), dtype)
        function(x, **sliding(rng, (h, w), dilated=False), **clamp_floats(rng))

    return case


def case_elementwise_float(function: Callable[..., Array], dtype: str = "float32") -> Callable[[Rng], None]:
    def case(rng: Rng) -> None:
        a, b = (random_floats(rng, array.shape, dtype) for array in operands(rng))
        function(a, b, **clamp_floats(rng))

    return case


def case_mean_float(rng: Rng, dtype: str = "float32") -> None:
    rank = int(rng.integers(1, 6))
    axes = rng.permutation(rank)[: int(rng.integers(1, rank + 1))].tolist()
    kernels.mean_float(random_floats(rng, shape_of(rng, rank, 6), dtype), axes, keep_dims=bool(rng.random() < 0.5))


def case_softmax_float(rng: Rng, dtype: str = "float32") -> None:
    x = random_floats(rng, (*shape_of(rng, int(rng.integers(0, 4)), 4), int(rng.integers(1, 200))), dtype)
    kernels.softmax_float(x, beta=float(np.exp(rng.uniform(-1, 1))))


def case_sigmoid_float(rng: Rng, dtype: str = "float32") -> None:
    x = random_floats(rng, shape_of(rng, int(rng.integers(1, 5))), dtype)
    kernels.sigmoid_float(x, tanh=bool(rng.random() < 0.5))


def case_clamp_float(rng: Rng, dtype: str = "float32") -> None:
    kernels.clamp_float(random_floats(rng, shape_of(rng, int(rng.integers(1, 5))), dtype), **clamp_floats(rng))


def case_cast(rng: Rng) -> None:
    dtypes = rng.permutation(["float32", "float16"]).tolist()
    kernels.cast(random_floats(rng, shape_of(rng, int(rng.integers(1, 5))), dtypes[0]), dtypes[1])


def case_unary_float(rng: Rng, dtype: str = "float32") -> None:
    x = random_floats(rng, shape_of(rng, int(rng.integers(1, 5))), dtype)
    function = str(rng.choice(list(FUNCTIONS)))
    if rng.random() < 0.5:
        kernels.unary_float(x, function)
    else:
        kernels.unary_float(x, function, alpha=float(rng.uniform(-1, 2)), beta=float(rng.uniform(-1, 1)))


def case_binary_float(rng: Rng, dtype: str = "float32") -> None:
    function = str(rng.choice(["sub", "div", "maximum", "minimum"]))
    case_elementwise_float(functools.partial(kernels.binary_float, function=function), dtype)(rng)


def case_gather(rng: Rng) -> None:
    dtype = str(rng.choice(["int8", "uint8", "int16", "int32", "float32", "float16"]))
    x = rng.integers(0, 100, shape_of(rng, int(rng.integers(1, 6)))).astype(dtype)
    axis = int(rng.integers(0, x.ndim))
    kernels.gather(x, rng.integers(0, x.shape[axis], int(rng.integers(1, 9))).tolist(), axis - x.ndim)


def case_interpolate_float(rng: Rng) -> None:
    x = random_floats(rng, shape_of(rng, int(rng.integers(1, 5))), "float32")
    axis, count = int(rng.integers(0, x.ndim)), int(rng.integers(1, 9))
    indices = rng.integers(0, x.shape[axis], count).tolist()
    kernels.interpolate_float(x, indices, rng.random(count).astype(np.float32), axis)


def case_matmul_float(rng: Rng) -> None:
    batches, rows, depth, columns = (int(size) for size in rng.integers(1, 7, 4))
    shared = rng.integers(0, 2, 2)
    a = random_floats(rng, (1 if shared[0] else batches, rows, depth), "float32")
    kernels.matmul_float(a, random_floats(rng, (1 if shared[1] else batches, depth, columns), "float32"))


def case_recurrent(kernel: Callable[..., Any], gates: int, kept: Sequence[str]) -> Callable[[Rng], None]:
    """Of floats if what it keeps is float32, else of int8."""

    def values(rng: Rng, shape: tuple[int, ...], dtype: str) -> Array:
        return random_floats(rng, shape, dtype) if dtype == "float32" else random_integers(rng, shape, dtype)

    def case(rng: Rng) -> None:
        steps, batches, inputs, hidden = (int(size) for size in rng.integers(1, 6, 4))
        floats = kept[0] == "float32"
        dtype = "float32" if floats else "int8"
        major = bool(rng.random() < 0.5)
        x = values(rng, (batches, steps, inputs) if major else (steps, batches, inputs), dtype)
        more: dict[str, Any] = {"reset_after": bool(rng.random() < 0.5)} if gates == 3 else {}
        if gates == 4 and rng.random() < 0.3:
            more["cell_clip"] = 0.5
        if rng.random() < 0.5:
            more["initial"] = [values(rng, (batches, hidden), each) for each in kept]
        if floats:
            arrays = [random_floats(rng, shape, dtype) for shape in ((gates * hidden, inputs + hidden), (4 * hidden,))]
        else:
            arrays = [random_integers(rng, (gates * hidden, size), "int8") for size in (inputs, hidden)]
            arrays.append(rng.integers(-5000, 5000, (4 if gates == 4 else 6) * hidden).astype(np.int32))
            for name in ("weight_scales", "recurrent_scales"):
                more[name] = (10 ** rng.uniform(-4, -1, gates)).tolist()
            more |= {"input_scale": float(rng.uniform(0.001, 0.1)), "hidden_scale": float(rng.uniform(0.003, 0.02))}
            more |= {name: int(rng.integers(-128, 128)) for name in ("input_zero_point", "hidden_zero_point")}
        flags = {name: bool(rng.random() < 0.5) for name in ("reverse", "final")}
        kernel(x, *arrays, batch_major=major, **flags, **more)

    return case


def random_integers(rng: Rng, shape: tuple[int, ...], dtype: str) -> Array:
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max + 1, shape).astype(dtype)


def float_cases(dtype: str) -> dict[str, Callable[[Rng], None]]:
    """Those of all ops of a type of floats."""
    plain = {
        "conv_2d": case_conv_float,
        "depthwise_conv_2d": case_depthwise_float,
        "fully_connected": case_fully_connected_float,
        "mean": case_mean_float,
        "softmax": case_softmax_float,
        "sigmoid": case_sigmoid_float,
        "clamp": case_clamp_float,
        "unary": case_unary_float,
        "binary": case_binary_float,
    }
    cases: dict[str, Callable[[Rng], None]] = {
        f"{name}_{dtype}": functools.partial(case, dtype=dtype) for name, case in plain.items()
    }
    for name in ("average_pool", "max_pool"):
        cases[f"{name}_2d_{dtype}"] = case_pool_float(getattr(kernels, f"{name}2d_float"), dtype)
    for name in ("add", "mul"):
        cases[f"{name}_{dtype}"] = case_elementwise_float(getattr(kernels, f"{name}_float"), dtype)
    return cases


DIRECT: Mapping[str, Callable[[Rng], None]] = {
    "conv_2d": case_conv,
    "depthwise_conv_2d": case_depthwise,
    "fully_connected": case_fully_connected,
    "conv_2d_s4": lambda rng: case_conv(rng, kernels.conv2d_s4, 4),
    "depthwise_conv_2d_s4": lambda rng: case_depthwise(rng, kernels.depthwise_conv2d_s4, 4),
    "fully_connected_s4": lambda rng: case_fully_connected(rng, kernels.fully_connected_s4, 4),
    "average_pool_2d": case_pool(kernels.average_pool2d),
    "max_pool_2d": case_pool(kernels.max_pool2d),
    "add": case_elementwise(kernels.add),
    "mul": case_elementwise(kernels.mul),
    "mean": case_mean,
    "pad": case_pad,
    "reshape": case_reshape,
    "transpose": case_transpose,
    "concatenation": case_concatenation,
    "softmax": case_softmax,
    "lut": case_lut,
    "quantize": case_quantize,
    "dequantize": case_dequantize,
    "conv_2d_int16": case_conv_int16,
    "depthwise_conv_2d_int16": case_depthwise_int16,
    "fully_connected_int16": case_fully_connected_int16,
    "average_pool_2d_int16": case_pool_int16(kernels.average_pool2d),
    "max_pool_2d_int16": case_pool_int16(kernels.max_pool2d),
    "add_int16": case_elementwise_int16(kernels.add),
    "mul_int16": case_elementwise_int16(kernels.mul),
    "mean_int16": case_mean_int16,
    "softmax_int16": case_softmax_int16,
    "sigmoid_int16": case_sigmoid,
    "rescale": case_rescale,
    "quantize_int16": case_quantize_int16,
    "dequantize_int16": case_dequantize_int16,
    **float_cases("float32"),
    **float_cases("float16"),
    "cast": case_cast,
    "gather": case_gather,
    "interpolate_float32": case_interpolate_float,
    "matmul_float32": case_matmul_float,
    "lstm_float32": case_recurrent(kernels.lstm_float, 4, ("float32", "float32")),
    "gru_float32": case_recurrent(kernels.gru_float, 3, ("float32",)),
    "lstm_int8": case_recurrent(kernels.lstm_int8, 4, ("int8", "int16")),
    "gru_int8": case_recurrent(kernels.gru_int8, 3, ("int16",)),
    **CALLS,
    **TRAINING,
    **BFP,
    **FORWARD,
}


def same(found: Array, expected: Array) -> bool:
    """Whether two arrays have the same bytes; what is not a number has any."""
    if found.dtype.kind == "f":
        nan = np.isnan(expected)
        if not np.array_equal(nan, np.isnan(found)):
            return False
        found, expected = (np.where(nan, 0, x).astype(x.dtype) for x in (found, expected))
    return found.tobytes() == expected.tobytes()


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Lets every call of a kernel be repeated by its reference; counts the calls, and results that vary."""
    for name in NAMES:
        op_def(name)  # imports all modules, so that none of them keeps what is put there meanwhile
    real = call_module.call_all
    seen: Counter[str] = Counter()

    def call_all(
        kind: str, inputs: Sequence[Array], attrs: Mapping[str, Any], *rest: Any, **options: Any
    ) -> list[Array]:
        found = real(kind, inputs, attrs, *rest, **options)
        outputs = tuple(range(len(inputs), len(inputs) + len(found)))
        op, state = Op(kind, tuple(range(len(inputs))), outputs, attrs), options.get("state") or {}
        expected = op_def(kind).reference(op, [*inputs, *(state[index] for index in op_def(kind).updates(op))])
        for index, (ours, right) in enumerate(zip(found, expected, strict=True)):
            assert (ours.shape, ours.dtype) == (right.shape, right.dtype)
            if not same(ours, right):
                described = [f"{array.dtype}{list(array.shape)}" for array in inputs]
                where = np.argwhere(ours != right)
                message = f"{kind} {described} {dict(attrs)}: output {index} differs at {where[:3].tolist()}"
                raise AssertionError(f"{message} and elsewhere")
        seen[kind] += 1
        seen["varied"] += max(len(np.unique(array)) for array in found) > 1
        return found

    for name, module in list(sys.modules.items()):
        if name.startswith("groat.ops.") and getattr(module, "call_all", None) is real:
            monkeypatch.setattr(module, "call_all", call_all)
    return seen


@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_equals_its_reference(name: str, checked: Counter[str]) -> None:
    rng = np.random.default_rng(NAMES.index(name))
    for _ in range(CASES):
        DIRECT[name](rng)
    assert checked[name] == CASES
    assert checked["varied"] > CASES // 3, "most results are constant: these cases test little"


def test_every_op_has_direct_cases() -> None:
    assert set(DIRECT) == set(NAMES)


# ---- Everything against TensorFlow Lite Micro --------------------------------------------------------------


def compare(model: bytes, inputs: Sequence[Array], name: str) -> Graph:
    """Asserts that every layer and every output has the oracle's bytes."""
    compiled = groat.compile(model)
    oracle = Tflm(model, name)
    with HostRunner(compiled.packed) as runner:
        difference = find_difference(compiled, runner, oracle, inputs)
        assert difference is None, f"{name}: {difference}"
        for ours, theirs in zip(runner.run(inputs), oracle.run(inputs), strict=True):
            assert ours.tobytes() == theirs.tobytes(), name
    return compiled.graph


def becomes(operator: str, wide: bool) -> set[str]:
    """What an operator is imported as."""
    (kind,) = (row.name for row in op_rows() if operator in op_def(row.name).tflite)
    if operator in ("RELU", "RELU6", "QUANTIZE") and wide:
        return {"rescale", "quantize_int16"}
    if operator == "LOGISTIC" and wide:
        return {"sigmoid_int16"}
    # Between integers of 8 bits it is a table.
    return (
        {kind, "lut"}
        if operator == "QUANTIZE"
        else {f"{kind}_int16"}
        if f"{kind}_int16" in NAMES and wide
        else {kind, f"{kind}_s4"}
    )


WAYS = [(operator, wide) for operator in OPS for wide in (False, True) if wide or operator not in WIDE_ONLY]


@needs_tflm
@pytest.mark.parametrize(("operator", "wide"), WAYS)
def test_an_operator_equals_tflm(operator: str, wide: bool) -> None:
    """Models of this operator, and of what is needed to have a tensor that fits it."""
    others = frozenset(OPS) - {operator, "RESHAPE"}
    count = 0
    for seed in range(40):
        model = RandomModel(seed, 3, others, wide).build()
        graph = groat.load(model).graph
        count += sum(op in becomes(operator, wide) for op in kinds(graph))
        compare(model, random_inputs(model, seed), f"{operator} {seed}")
    assert count >= 20


STORED = np.arange(-128, 128).astype(np.int8)


@needs_tflm
@pytest.mark.parametrize("operator", ["LOGISTIC", "RELU", "RELU6", "QUANTIZE"])
def test_a_function_of_one_value_equals_tflm_for_each_value(operator: str) -> None:
    rng = np.random.default_rng(3)
    for case in range(40):
        builder = Builder()
        scale = float(np.exp(rng.uniform(-9, 3)))
        x = builder.input((256,), quant=Quant(scale, zero_point(rng)))
        quant = Quant(scale * float(np.exp(rng.uniform(-3, 3))), zero_point(rng))
        if operator == "LOGISTIC":
            y = builder.logistic(x)
        elif operator == "RELU":
            y = builder.relu(x, None if case % 3 == 0 else quant)
        elif operator == "RELU6":
            y = builder.relu6(x)
        else:
            y = builder.quantize(x, quant, "int8" if case % 2 else "uint8")
        assert kinds(compare(builder.build([y]), [STORED], f"{operator} {case}")) == ["lut"]


STORED_INT16 = np.arange(-32768, 32768).astype(np.int16)


@needs_tflm
@pytest.mark.parametrize("operator", ["LOGISTIC", "TANH", "RELU", "RELU6", "QUANTIZE"])
def test_a_function_of_an_int16_equals_tflm_for_each_value(operator: str) -> None:
    rng = np.random.default_rng(6)
    for case in range(12):
        builder = Builder()
        scale = (1 / 4096, 4 / 12288, 2.6, 1e-9)[case] if case < 4 else float(np.exp(rng.uniform(-12, 0.9)))
        if operator == "RELU6":
            scale = max(scale, 1e-8)  # beyond it TFLM's limit of 6 / scale is undefined
        x = builder.input((1 << 16,), "int16", Quant(scale))
        quant = Quant(scale * float(np.exp(rng.uniform(-3, 3))))
        if operator in ("LOGISTIC", "TANH"):
            y = builder.logistic(x) if operator == "LOGISTIC" else builder.tanh(x)
        elif operator == "RELU":
            y = builder.relu(x, None if case % 3 == 0 else quant)
        elif operator == "RELU6":
            y = builder.relu6(x)
        else:
            narrow = Quant(scale * 256, zero_point(rng))
            y = builder.quantize(x, quant if case % 2 else narrow, "int16" if case % 2 else "int8")
        kind = "sigmoid_int16" if operator in ("LOGISTIC", "TANH") else "rescale"
        assert kinds(compare(builder.build([y]), [STORED_INT16], f"{operator} {case}")) == [kind]


@needs_tflm
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_accumulators_of_int16_layers_wrap_as_tflm_does(dtype: str) -> None:
    """Sums and results beyond what 32 bits hold, and every shift that a scale can have."""
    rng = np.random.default_rng(8)
    ends = [-(2**31), 2**31 - 1, 2**30, -(2**30) - 1, 0]
    ends += [] if dtype == "int32" else [2**33 + 5, -(2**40), 2**46, -(2**50), 2**60]
    for weight_scale in 2.0 ** rng.uniform(-40, 13.9, 30):
        builder = Builder()
        x = builder.input((3, 4), "int16", Quant(1.0))
        weights = random_int8(rng, (len(ends), 4))
        quant = Quant(float(np.float32(weight_scale)))
        y = builder.fully_connected(x, weights, np.array(ends, dtype), quant, Quant(1.0))
        compare(builder.build([y]), [random_int16(rng, (3, 4))], f"scale {weight_scale}")


@needs_tflm
def test_a_long_row_of_int16_logits_equals_tflm() -> None:
    for scale in (1e-6, 1e-4, 0.01, 100.0):
        builder = Builder()
        y = builder.softmax(builder.input((1, 65535), "int16", Quant(scale)))
        compare(builder.build([y]), [STORED_INT16[None, 1:]], f"scale {scale}")


@needs_tflm
def test_quantize_and_dequantize_equal_tflm() -> None:
    rng = np.random.default_rng(4)
    for case in range(40):
        scale, zero = float(np.exp(rng.uniform(-6, 6))), zero_point(rng)
        ties = (np.arange(-300, 300) + 0.5).astype(np.float32) * np.float32(scale)
        x = np.concatenate([ties, np.nextafter(ties, 0), rng.normal(0, 100 * scale, 100)]).astype(np.float32)
        builder = Builder()
        quantized = builder.quantize(builder.input(x.shape, "float32"), Quant(scale, zero))
        compare(builder.build([quantized, builder.dequantize(quantized)]), [x], f"case {case}")
        builder = Builder()
        wide = builder.quantize(builder.input(x.shape, "float32"), Quant(scale / 256), "int16")
        compare(builder.build([wide, builder.dequantize(wide)]), [x], f"case {case}, int16")


@needs_tflm
@pytest.mark.parametrize("operator", ["SQUEEZE", "EXPAND_DIMS"])
def test_other_names_of_reshape_equal_tflm(operator: str) -> None:
    builder = Builder()
    quant = Quant(0.5, 3)
    x = builder.input((1, 4, 1, 3), quant=quant)
    if operator == "SQUEEZE":
        y = builder.tensor((4, 3), quant=quant)
        builder.op("SQUEEZE", [x], [y], "SqueezeOptions", SqueezeDims=[0, 2])
    else:
        y = builder.tensor((1, 1, 4, 1, 3), quant=quant)
        builder.op("EXPAND_DIMS", [x, builder.constant(np.array([1], np.int32))], [y], "ExpandDimsOptions")
    values = np.arange(12).astype(np.int8).reshape(1, 4, 1, 3)
    compare(builder.build([y]), [values], operator)


@needs_tflm
def test_every_imported_operator_is_compared_with_tflm() -> None:
    in_files = {"SLICE", "GATHER"}  # test_tflite_export.py
    in_files |= {"STRIDED_SLICE", "UNIDIRECTIONAL_SEQUENCE_LSTM"}  # test_variables.py, test_recurrent.py
    elsewhere = {"DEQUANTIZE", "PADV2", "SQUEEZE", "EXPAND_DIMS"} | {*UNARY, *BINARY} | in_files
    elsewhere |= {name for name, _ in MODELS}
    unknown_to_tflm = {"GELU"}
    assert set(tflite_importers()) == set(OPS) | elsewhere | unknown_to_tflm


@needs_tflm
def test_a_dense_layer_with_a_zero_point_of_its_weights_equals_tflm() -> None:
    rng = np.random.default_rng(5)
    for case in range(20):
        builder = Builder()
        x = builder.input((3, 17), quant=Quant(0.05, zero_point(rng)))
        weights = random_int8(rng, (5, 17))
        y = builder.fully_connected(x, weights, None, Quant(0.02, zero_point(rng)), Quant(0.3, zero_point(rng)))
        compare(builder.build([y]), [random_int8(rng, (3, 17))], f"case {case}")


@needs_tflm
def test_a_dense_layer_multiplies_its_scales_in_double() -> None:
    """Accumulators for which a product of the two scales in single precision rounds to another output."""
    values = np.array([-67108865, 120795959, -169602406, -194005631, 198886274, 120795958], np.int32)
    builder = Builder()
    x = builder.input((1, 1), quant=Quant(0.013))
    y = builder.fully_connected(
        x, np.zeros((6, 1), np.int8), values, Quant(0.9), Quant(float(np.float32(28551.771484375)))
    )
    compare(builder.build([y]), [np.zeros((1, 1), np.int8)], "dense")


@needs_tflm
@pytest.mark.parametrize("count", [1, 2, 3, 511])
def test_softmax_of_equal_logits_equals_tflm(count: int) -> None:
    for scale in (1e-6, 0.01, 1.0, 40.0):
        builder = Builder()
        y = builder.softmax(builder.input((2, count), quant=Quant(scale)))
        rows = np.stack([np.full(count, -128), np.where(np.arange(count) == 0, 127, -128)]).astype(np.int8)
        compare(builder.build([y]), [rows], f"scale {scale}")
