# SPDX-License-Identifier: Apache-2.0
"""Models with float ends that take and give integers instead: the same results, without the float tensors' memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.graphs import kinds, with_flipped_weight
from tests.support.oracle import needs_tflm
from tools.tflite_builder import Builder, Quant, Tensor

import groat
from groat import validation
from groat.compiler import compile_model
from groat.ends import from_ends, to_ends
from groat.errors import InputError
from groat.pack import read
from groat.validation import validate

Array = npt.NDArray[Any]
X, Y = Quant(0.031, -7), Quant(0.11, 5)


def network(m: Builder, x: Tensor, dtype: str = "int8") -> Tensor:
    """QUANTIZE, a convolution, and what follows is the test's."""
    wide = dtype == "int16"
    q = m.quantize(x, Quant(X.scales[0]) if wide else X, dtype)
    weights = np.random.default_rng(4).integers(-128, 128, (3, 3, 3, 2)).astype(np.int8)
    return m.conv_2d(q, weights, None, Quant(0.004), Quant(Y.scales[0]) if wide else Y)


def models() -> dict[str, bytes]:
    def model(build: Any) -> bytes:
        m = Builder()
        return m.build(build(m))

    def image(m: Builder) -> Tensor:
        return m.input((1, 7, 6, 2), "float32")

    def two_readers(m: Builder) -> list[Tensor]:
        x = image(m)
        return [m.dequantize(network(m, x)), m.dequantize(m.max_pool_2d(m.quantize(x, X), (2, 2)))]

    def reshaped(m: Builder) -> list[Tensor]:
        x = m.reshape(m.input((84,), "float32"), (1, 7, 6, 2))
        return [m.reshape(m.dequantize(network(m, x)), (126,))]

    def one_result_twice(m: Builder) -> list[Tensor]:
        y = network(m, image(m))
        return [m.dequantize(y), y, m.dequantize(y)]

    def read_on(m: Builder) -> list[Tensor]:
        y = m.dequantize(network(m, image(m)))
        return [y, m.dequantize(m.relu(m.quantize(y, X)))]

    return {
        "both ends": model(lambda m: [m.dequantize(network(m, image(m)))]),
        "int16": model(lambda m: [m.dequantize(network(m, image(m), "int16"))]),
        "the input only": model(lambda m: [network(m, image(m))]),
        "the output only": model(lambda m: [m.dequantize(m.max_pool_2d(m.input((1, 4, 4, 2), quant=X), (2, 2)))]),
        "two readers": model(two_readers),
        "reshaped": model(reshaped),
        "an input that is an output": model(lambda m: [m.dequantize(m.quantize(image(m), X))]),
        "one result twice": model(one_result_twice),
        "an output that is read on": model(read_on),
    }


MODELS = models()
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


@each_model
@pytest.mark.parametrize("schedule", ["layer", "stream"])
def test_the_integers_are_those_of_the_float_model(model: bytes, schedule: str) -> None:
    loaded = groat.load(model)
    floats = compile_model(loaded, schedule=schedule)
    integers = compile_model(loaded, schedule=schedule, io="integer")
    ends = [tensor for part in ("inputs", "outputs") for tensor in integers.report[part]]
    assert all(end["dtype"] in ("int8", "int16") and "scale" in end for end in ends)
    names = [[tensor["name"] for tensor in floats.report[part]] for part in ("inputs", "outputs")]
    assert [[tensor["name"] for tensor in integers.report[part]] for part in ("inputs", "outputs")] == names
    shapes = [[tensor["shape"] for tensor in floats.report[part]] for part in ("inputs", "outputs")]
    assert [[tensor["shape"] for tensor in integers.report[part]] for part in ("inputs", "outputs")] == shapes
    for seed in range(3):
        inputs = [batch[0] for batch in validation.random_inputs(loaded.graph, 1, seed)]
        with floats.on("host") as runner:
            expected = runner.runner.run(inputs)
        with integers.on("host") as runner:
            found = runner.runner.run(to_ends(inputs, integers.graph))
        assert all(y.dtype != np.float32 for y in found)
        for ours, right in zip(from_ends(found, integers.graph, loaded.graph), expected, strict=True):
            assert ours.tobytes() == right.tobytes()
            assert len(np.unique(right)) > 1


def test_the_float_tensors_are_gone() -> None:
    integers = compile_model(MODELS["both ends"], io="integer")
    assert kinds(integers.graph) == ["conv_2d"]
    floats = compile_model(MODELS["both ends"])
    assert kinds(floats.graph) == ["quantize", "conv_2d", "dequantize"]
    assert integers.plan.arena_bytes < floats.plan.arena_bytes
    info = read(integers.packed)
    assert (info.inputs[0].dtype, info.inputs[0].zero_point) == ("int8", X.zero_points[0])
    assert (info.outputs[0].dtype, info.outputs[0].zero_point) == ("int8", Y.zero_points[0])


def test_a_model_of_integers_stays_as_it_is(digits: Path) -> None:
    assert compile_model(digits, io="integer").packed == compile_model(digits).packed


def test_what_cannot_become_integers_is_refused() -> None:
    def refused(build: Any, message: str) -> None:
        m = Builder()
        model = m.build(build(m, m.input((1, 4, 4, 2), "float32", name="image")))
        compile_model(model)
        with pytest.raises(InputError, match=message):
            compile_model(model, io="integer")

    refused(
        lambda m, x: [m.max_pool_2d(m.quantize(x, X), (2, 2)), m.max_pool_2d(m.quantize(x, Y), (2, 2))],
        "float32 input 'image' cannot become integers: op 2 quantize reads it with another scale; expected one",
    )
    refused(
        lambda m, x: [m.quantize(m.transpose(x, (0, 2, 1, 3)), X)],
        "input 'image' cannot become integers: op 0 transpose reads it",
    )
    refused(lambda m, x: [x, m.quantize(x, X)], "input 'image' cannot become integers: it is an output itself")
    refused(
        lambda m, x: [m.transpose(m.dequantize(m.quantize(x, X)), (0, 2, 1, 3), name="y")],
        "output 'y' cannot become integers: op 2 transpose writes it; expected DEQUANTIZE",
    )
    with pytest.raises(InputError, match="io is 'int8'; expected one of model, integer"):
        compile_model(MODELS["both ends"], io="int8")


@needs_tflm
@each_model
def test_it_is_validated_against_the_float_model(model: bytes) -> None:
    (verdict,) = validate(groat.load(model), ["host"], inputs=4, io="integer")
    assert verdict.equal, str(verdict.difference)


@needs_tflm
def test_a_fault_is_found_in_its_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*given: Any, **named: Any) -> groat.Compiled:
        return with_flipped_weight(compile_model(*given, **named), 0)

    monkeypatch.setattr(validation, "compile_model", wrong)
    (verdict,) = validate(groat.load(MODELS["both ends"]), ["host"], inputs=4, io="integer")
    assert verdict.difference is not None
    assert (verdict.difference.layer, verdict.difference.op) == (0, "conv_2d")


def test_the_float_image_of_a_published_model_is_gone(material: Path) -> None:
    """80 x 80 x 3 floats are 76,800 bytes, more than all the rest."""
    model = material / "models" / "tinyengine" / "vww.tflite"
    floats, integers = (compile_model(model, "cortex-m4", io=io, schedule="stream") for io in ("model", "integer"))
    assert integers.plan.arena_bytes <= 34.5 * 1024
    assert floats.plan.arena_bytes > 80 * 80 * 3 * 4
