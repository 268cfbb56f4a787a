# SPDX-License-Identifier: Apache-2.0
"""Models that compute with floats: against double precision, against TensorFlow Lite Micro, and on every kernel set."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.float64 import exact
from tests.support.half_sums import CHUNKS
from tests.support.material import FLOAT_MODELS
from tests.support.oracle import needs_tflm
from tests.support.random_floats import random_float_model
from tests.support.random_graphs import random_inputs
from tools.tflite_builder import Builder, Quant

import groat
from groat.errors import UnsupportedError
from groat.isa import PACKINGS
from groat.kernels import cast
from groat.ops import op_def
from groat.oracle.tflm import Tflm
from groat.runners.host import HostRunner
from groat.targets import list_targets, load_target
from groat.validation import FLOAT_TOLERANCE, find_difference, validate

Array = npt.NDArray[Any]

TARGETS = {load_target(name).packing: name for name in list_targets()}  # one for each kernel set
SAME_BITS = ("conv_2d", "depthwise_conv_2d", "fully_connected", "average_pool_2d", "max_pool_2d", "add", "mul", "mean")


def excess(model: bytes, inputs: list[Array], target: str, floats: str, seen: Counter[str]) -> dict[str, float]:
    """How much of its bound each layer uses at worst, by kind: 1 is all of it."""
    compiled = groat.compile(model, target, floats=floats)
    graph, worst = compiled.graph, dict[str, float]()
    values = {number: tensor.data for number, tensor in graph.tensors.items() if tensor.data is not None}
    values |= dict(zip(graph.inputs, inputs, strict=True))
    with HostRunner(compiled.packed) as runner:
        for step, outputs in runner.trace(inputs):
            op = graph.ops[step]
            reads = [values[graph.root(number)].reshape(graph.tensors[number].shape) for number in op.inputs]
            values[op.outputs[0]] = outputs[0]
            if not op.kind.endswith(("_float32", "_float16")):
                (expected,) = op_def(op.kind).reference(op, reads)
                assert outputs[0].tobytes() == expected.tobytes()
                continue
            filters = "depthwise" if "depthwise" in op.kind else "conv"
            right, bound = exact(op, reads, CHUNKS.get((load_target(target).packing, filters), 0))
            used = float((np.abs(outputs[0] - right) / bound).max())
            worst[op.kind] = max(worst.get(op.kind, 0.0), used)
            seen[op.kind] += 1
    return worst


@pytest.mark.parametrize("floats", ["float32", "float16"])
@pytest.mark.parametrize("packing", PACKINGS)
def test_every_layer_is_within_its_bound_of_double_precision(packing: str, floats: str) -> None:
    seen: Counter[str] = Counter()
    worst: Counter[str] = Counter()
    for seed in range(200):
        model = random_float_model(seed)
        for kind, used in excess(model, random_inputs(model, seed), TARGETS[packing], floats, seen).items():
            worst[kind] = max(worst[kind], used)  # type: ignore[assignment]
    assert max(worst.values()) <= 1, worst
    assert worst[f"conv_2d_{floats}"] > 0.02, "the bound says nothing"
    assert min(seen[f"{kind}_{floats}"] for kind in SAME_BITS) >= 10


@needs_tflm
def test_random_models_have_the_bits_of_tflm_but_for_exponentials() -> None:
    layers = differing = 0
    for seed in range(200):
        model = random_float_model(seed)
        inputs = random_inputs(model, seed)
        compiled = groat.compile(model)
        oracle = Tflm(model, f"random_float_model({seed})")
        with HostRunner(compiled.packed) as runner:
            difference = find_difference(compiled, runner, oracle, inputs)
            assert difference is None, f"random_float_model({seed}): {difference}"
            known = [op.outputs[0] for op in compiled.graph.ops if op.index >= 0]
            expected = oracle.tensors(inputs, known)
            for step, (found,) in runner.trace(inputs):
                op = compiled.graph.ops[step]
                if op.kind in ("softmax_float32", "sigmoid_float32"):
                    break  # what follows has other inputs
                if op.outputs[0] in expected:
                    layers += 1
                    differing += found.tobytes() != expected[op.outputs[0]].tobytes()
    assert layers > 300
    assert differing == 0


@needs_tflm
@pytest.mark.parametrize("path", FLOAT_MODELS, ids=[path.rpartition("/")[2] for path in FLOAT_MODELS])
def test_published_models_equal_tflm(material: Path, path: str) -> None:
    (verdict,) = validate(groat.load(material / "models" / f"{path}.tflite"), ["host"], inputs=3, seed=1)
    assert verdict.equal, str(verdict.difference)


@needs_tflm
@pytest.mark.parametrize("packing", PACKINGS)
def test_published_models_on_every_kernel_set(material: Path, packing: str) -> None:
    """The smallest and the one with most kinds of layers."""
    for path in ("tinymaix/mnist_valid_f", "mlperf_results/kws_saved_model_variables"):
        source = (material / "models" / f"{path}.tflite").read_bytes()
        compiled = groat.compile(source, TARGETS[packing])
        inputs = random_inputs(source, 4)
        with HostRunner(compiled.packed) as runner:
            difference = find_difference(compiled, runner, Tflm(source), inputs)
        assert difference is None, str(difference)


@needs_tflm
@pytest.mark.parametrize("path", FLOAT_MODELS, ids=[path.rpartition("/")[2] for path in FLOAT_MODELS])
def test_published_models_with_half_the_bytes(material: Path, path: str) -> None:
    model = groat.load(material / "models" / f"{path}.tflite")
    (verdict,) = validate(model, ["host"], inputs=3, seed=1, floats="float16")
    assert verdict.equal, str(verdict.difference)
    whole, half = (groat.compile(model, floats=floats) for floats in ("float32", "float16"))
    assert len(half.packed) < 0.62 * len(whole.packed)


@needs_tflm
def test_the_tolerance_finds_a_wrong_weight() -> None:
    rng = np.random.default_rng(3)
    weights = rng.normal(0, 0.2, (8, 3, 3, 6)).astype(np.float32)

    def model(kernel: Array) -> bytes:
        builder = Builder()
        x = builder.input((1, 6, 6, 6), "float32")
        return builder.build([builder.conv_2d(x, kernel, None, None, None)])

    wrong = weights.copy()
    wrong[3, 1, 1, 2] += np.float32(3e-5)
    inputs = [rng.normal(0, 1, (1, 6, 6, 6)).astype(np.float32)]
    for kernel, right in ((weights, True), (wrong, False)):
        compiled = groat.compile(model(kernel))
        with HostRunner(compiled.packed) as runner:
            difference = find_difference(compiled, runner, Tflm(model(weights)), inputs)
        assert (difference is None) == right
    assert FLOAT_TOLERANCE == 1e-5


# ---- float16 ------------------------------------------------------------------------------------------------


def test_every_float16_becomes_float32_and_the_nearest_comes_back() -> None:
    bits = np.arange(1 << 16, dtype=np.uint16)
    halves = bits.view(np.float16)
    wide = cast(halves, "float32")
    numbers = ~np.isnan(halves)
    assert wide[numbers].tobytes() == halves[numbers].astype(np.float32).tobytes()
    assert np.isnan(wide[~numbers]).all()
    assert cast(wide, "float16")[numbers].tobytes() == halves[numbers].tobytes()


def test_ties_between_float16_go_to_the_even_one() -> None:
    finite = np.arange(0x7BFF, dtype=np.uint16).view(np.float16).astype(np.float32)
    following = np.arange(1, 0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    ties = (finite + following) / 2
    x = np.concatenate([ties, np.nextafter(ties, np.float32(0)), np.nextafter(ties, np.float32(1e9))])
    x = np.concatenate([x, -x, np.float32([65519.99, 65520, 1e30, np.inf, 1e-9, 1e-45])])
    with np.errstate(over="ignore"):
        assert cast(x, "float16").tobytes() == x.astype(np.float16).tobytes()


def test_a_graph_of_integers_keeps_them_and_its_floats() -> None:
    builder = Builder()
    x = builder.input((1, 8), "float32")
    y = builder.relu(builder.fully_connected(x, np.ones((4, 8), np.float32), np.ones(4, np.float32), None, None))
    compiled = groat.compile(builder.build([y, builder.quantize(y, Quant(0.1))]), floats="float16")
    kinds = [op.kind for op in compiled.graph.ops]
    assert kinds == ["cast", "fully_connected_float16", "cast", "quantize"]
    graph = compiled.graph
    assert [graph.tensors[number].dtype for number in (*graph.inputs, *graph.outputs)] == ["float32", "float32", "int8"]
    assert [graph.tensors[number].dtype for number in graph.ops[1].inputs] == ["float16", "float16", "float32"]


# ---- What is not imported -----------------------------------------------------------------------------------


def refusal(builder: Builder, y: Any) -> str:
    with pytest.raises(UnsupportedError) as caught:
        groat.load(builder.build([y]))
    return str(caught.value)


def test_weights_that_are_no_numbers_are_refused() -> None:
    for value in (np.inf, np.nan):
        builder = Builder()
        x = builder.input((1, 4), "float32")
        y = builder.fully_connected(x, np.full((3, 4), value, np.float32), None, None, None)
        assert "its weights or bias are infinite, or no numbers" in refusal(builder, y)


def test_floats_and_integers_do_not_mix_in_an_op() -> None:
    builder = Builder()
    x = builder.input((1, 4), "float32")
    y = builder.tensor((1, 4), "int8", Quant(0.1))
    builder.op("RELU", [x], [y])
    assert "its output is int8; expected float32, as its input is" in refusal(builder, y)
