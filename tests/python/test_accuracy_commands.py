# SPDX-License-Identifier: Apache-2.0
"""`groat quantize`, `groat eval` and `groat compare`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.command import Groat
from tests.support.float_nets import Net
from tools.tflite_builder import Builder

import groat
from groat.comparison import LayerNoise, compare, ratio
from groat.errors import InputError
from groat.evaluation import METRICS
from groat.graph import Tensor
from groat.graph.ir import Quantization
from groat.samples import Samples, inputs_for, pick_samples

Array = npt.NDArray[Any]
RNG = np.random.default_rng(16)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Two convolutions and a dense layer of floats."""
    rng = np.random.default_rng(3)
    m = Builder()
    y = m.input((1, 6, 6, 1), "float32", name="image")
    for name, shape in (("first", (8, 3, 3, 1)), ("second", (8, 3, 3, 8))):
        weights = rng.normal(0, 0.4, shape).astype(np.float32)
        y = m.conv_2d(y, weights, np.zeros(8, np.float32), None, None, padding="SAME", activation="RELU", name=name)
    y = m.reshape(y, (1, 288))
    dense = rng.normal(0, 0.1, (4, 288)).astype(np.float32)
    y = m.fully_connected(y, dense, np.zeros(4, np.float32), None, None, name="dense")
    path = tmp_path / "floats.tflite"
    path.write_bytes(m.build([m.softmax(y, name="scores")]))
    return path


@pytest.fixture
def data(tmp_path: Path, model: Path) -> Path:
    """Samples whose labels are what the model of floats says."""
    x = RNG.standard_normal((80, 6, 6, 1)).astype(np.float32)
    with groat.compile(model).on("host") as session:
        (scores,) = session.runner.run_batch([x[:, np.newaxis]])
    y = scores.reshape(80, 4).argmax(axis=1)
    path = tmp_path / "data.npz"
    np.savez(path, x=x[:40], y=y[:40], x_test=x[40:], y_test=y[40:])
    return path


def test_a_model_is_quantised_judged_and_compared(
    groat_command: Groat, model: Path, data: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "int8.groat"
    report = groat_command.json("quantize", model, "--calib", data, "-o", packed, "--names", "all")
    assert report["samples"] == 40
    assert report["float_layers"] == []
    assert [layer["scheme"] for layer in report["layers"]] == ["int8"] * 5
    assert report["file_bytes"] == packed.stat().st_size
    floats = groat_command.json("eval", model, "--data", data)["results"]
    assert floats[0]["samples"] == 40
    assert floats[0]["value"] == 1.0
    (judged,) = groat_command.json("eval", packed, "--data", data)["results"]
    assert judged["value"] >= 0.9
    assert judged["same_as_first"]
    found = groat_command.json("compare", model, packed, "--data", data)
    assert found["samples"] == 40
    assert found["outputs_snr_db"][0] > 20
    assert found["missing"] == []
    assert [layer["op"] for layer in found["layers"]] == ["conv_2d", "conv_2d", "fully_connected", "softmax"]
    assert all(layer["snr_db"] > 20 for layer in found["layers"] if layer["op"] != "fully_connected")  # small logits


def test_the_layer_that_hurts_is_named(groat_command: Groat, model: Path, data: Path, tmp_path: Path) -> None:
    packed = tmp_path / "mixed.groat"
    options = ["--scheme", "16x8", "--layer", "second=w4a8", "--rounding", "nearest", "--names", "all"]
    groat_command.json("quantize", model, "--calib", data, "-o", packed, *options)
    found = groat_command.json("compare", model, packed, "--data", data)
    assert found["hurts"] == "second"
    whole = compare(model, groat.quantize(model, np.load(data)["x"], scheme="w4a8", rounding="nearest"), _all(data))
    assert whole.hurts is not None
    assert whole.hurts.scheme == "w4a8"
    assert "=int8, or --scheme mixed" in " ".join(whole.advice)
    wide = compare(model, groat.quantize(model, np.load(data)["x"], scheme="16x8"), _all(data))
    assert wide.hurts is None
    assert wide.advice == ()
    text = groat_command("compare", model, packed, "--data", data).out
    assert "first layer that hurts" in text
    assert "<- hurts" in text


def _all(data: Path) -> Samples:
    return pick_samples(dict(np.load(data)), str(data))


def test_packed_models_without_names_are_told(groat_command: Groat, model: Path, data: Path, tmp_path: Path) -> None:
    packed = tmp_path / "plain.groat"
    groat_command.json("quantize", model, "--calib", data, "-o", packed)
    found = groat_command.json("compare", model, packed, "--data", data)
    assert found["outputs_snr_db"][0] > 20
    assert {layer["op"] for layer in found["layers"]} <= {"softmax"}
    assert "first" in found["missing"]
    error = groat_command.fails(2, "compare", packed, model, "--data", data)
    assert "the first model is packed" in error


def test_values_that_are_cut_off_are_counted(model: Path, data: Path) -> None:
    """Ranges of small samples, and large ones."""
    x = np.load(data)["x"]
    small = groat.quantize(model, x * 0.2, ranges="minmax", equalize="off")
    found = compare(model, small, Samples((x,), None, "large"))
    assert found.hurts is not None
    assert found.hurts.saturated > 0.02
    assert "beyond its range: --ranges minmax" in found.advice[0]


def test_trained_models_are_quantised(groat_command: Groat, model: Path, data: Path, tmp_path: Path) -> None:
    """What `groat train -o` writes is a model like any other."""
    trained, packed = tmp_path / "trained.tflite", tmp_path / "trained.groat"
    groat_command.json("train", model, "--data", data, "--epochs", "2", "--lr", "0.005", "-o", trained)
    groat_command.json("quantize", trained, "--calib", data, "-o", packed)
    before, after, floats = (
        groat_command.json("eval", path, "--data", data)["results"][0]["value"] for path in (model, packed, trained)
    )
    assert before == 1.0
    assert after >= floats - 0.06
    assert trained.read_bytes() != model.read_bytes()


@pytest.mark.parametrize("command", ["quantize", "eval", "compare"])
def test_help_has_an_example(groat_command: Groat, command: str) -> None:
    result = groat_command(command, "--help")
    assert result.code == 0
    assert f"Example: groat {command} " in result.out
    assert "--format" in result.out


def test_mistakes_are_told(groat_command: Groat, model: Path, data: Path, tmp_path: Path, digits: Path) -> None:
    damaged, text = tmp_path / "cut.groat", tmp_path / "text.npz"
    groat_command.json("quantize", model, "--calib", data, "-o", damaged)
    damaged.write_bytes(damaged.read_bytes()[:-20])
    text.write_text("no arrays")
    output = tmp_path / "out.groat"
    quantize = ["quantize", model, "-o", output, "--calib"]
    assert "cannot be read as an .npz" in groat_command.fails(2, *quantize, text)
    assert "cannot be read as an .npz" in groat_command.fails(2, *quantize, tmp_path / "none.npz")
    assert "expected NAME=SCHEME" in groat_command.fails(2, *quantize, data, "--layer", "first")
    assert "has 0 layers 'third'" in groat_command.fails(2, *quantize, data, "--layer", "third=int8")
    assert "scheme is 'int5'" in groat_command.fails(2, *quantize, data, "--scheme", "int5")
    assert "is the model itself" in groat_command.fails(2, "quantize", model, "--calib", data, "-o", model)
    assert "quantised already" in groat_command.fails(2, "quantize", digits, "--calib", data, "-o", output)
    assert not output.exists()
    groat_command.fails(3, "eval", damaged, "--data", data)
    groat_command.fails(3, "compare", model, damaged, "--data", data)
    whole = data.read_bytes()
    for cut in (0, 10, 200, len(whole) // 2, len(whole) - 5):
        data.write_bytes(whole[:cut])
        assert "cannot be read as an .npz" in groat_command.fails(2, *quantize, data)
    data.write_bytes(whole)
    model.write_bytes(model.read_bytes()[:300])
    groat_command.fails(3, *quantize, data)
    groat_command.fails(3, "eval", model, "--data", data)


def _npz(tmp_path: Path, **arrays: Array) -> Path:
    path = tmp_path / "odd.npz"
    np.savez(path, allow_pickle=False, **arrays)
    return path


def test_samples_that_do_not_fit_are_told(groat_command: Groat, model: Path, tmp_path: Path) -> None:
    x, y = RNG.random((4, 6, 6, 1)).astype(np.float32), np.array([0, 1, 2, 3])

    def says(**arrays: Array) -> str:
        return groat_command.fails(2, "eval", model, "--data", _npz(tmp_path, **arrays))

    assert "has no array 'x'" in says(z=x)
    assert "has no samples" in says(x=x[:0], y=y[:0])
    assert "have [4, 3] samples" in says(x=x, y=y[:3])
    assert "expected [samples, *[1, 6, 6, 1]]" in says(x=x[:, :5], y=y)
    assert "are uint8; expected float32" in says(x=x.astype(np.uint8), y=y)
    bad = x.copy()
    bad[1] = np.inf
    assert "infinite" in says(x=bad, y=y)
    assert "has no labels y" in says(x=x)
    assert "the model has 4 classes" in says(x=x, y=y + 1)
    assert "expected a whole number" in says(x=x, y=y + 0.5)
    error = groat_command.fails(2, "eval", model, "--data", _npz(tmp_path, x=x, y=y), "--metric", "bleu")
    assert "expected one of top1, top5, mse" in error
    assert "cannot run on 'moon'" in groat_command.fails(
        2, "eval", model, "--data", _npz(tmp_path, x=x, y=y), "--on", "moon"
    )


def test_models_of_integers_take_floats_and_integers() -> None:
    tensor = Tensor("x", (1, 3), "int8", Quantization((0.5,), (-1,)))
    floats = Samples((np.array([[0.0, 1.25, -200.0]], np.float32),), None, "floats")
    np.testing.assert_array_equal(inputs_for(floats, [tensor])[0], [[[-1, 2, -128]]])
    integers = Samples((np.array([[1, 2, 3]], np.int8),), None, "integers")
    np.testing.assert_array_equal(inputs_for(integers, [tensor])[0], [[[1, 2, 3]]])
    with pytest.raises(InputError, match="2 inputs; the model has 1"):
        inputs_for(Samples((floats.inputs[0],) * 2, None, "two"), [tensor])


def test_metrics() -> None:
    outputs = np.array([[0.1, 0.9, 0.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0, 0.0, 0.0]])
    samples = Samples((outputs,), np.array([1, 1]), "two")
    assert METRICS["top1"](outputs, samples) == 0.5  # of equal ones the first counts
    assert METRICS["top5"](outputs, samples) == 1.0
    assert METRICS["mse"](outputs, Samples((outputs,), outputs + 0.5, "near")) == pytest.approx(0.25)
    binary = Samples((outputs,), np.array([1, 0]), "binary")
    assert METRICS["top1"](np.array([[0.7], [0.2]]), binary) == 1.0


def test_several_inputs_have_arrays_of_their_own() -> None:
    arrays = {"x0": np.ones((3, 1)), "x1": np.ones((3, 2)), "x0_test": np.ones((2, 1)), "x1_test": np.ones((2, 2))}
    assert [array.shape for array in pick_samples(arrays, "two").inputs] == [(3, 1), (3, 2)]
    assert pick_samples(arrays, "two", judging=True).count == 2


def test_ratios() -> None:
    assert ratio(100.0, 1.0) == 20
    assert ratio(1.0, 0.0) == math.inf
    assert ratio(0.0, 1.0) == -math.inf
    layer = LayerNoise("a", "conv_2d", None, ())
    x = RNG.standard_normal((4, 3, 3, 2))
    layer.add(x, (x * [2.0, 0.5]).astype(np.float32), Tensor("a", (1, 3, 3, 2), "float32"))
    assert layer.snr > 100  # up to a factor for each channel


def test_a_model_is_like_itself() -> None:
    net = Net((4, 4, 2))
    net.conv(4)
    net.dense(3)
    samples = Samples((RNG.standard_normal((5, 4, 4, 2)).astype(np.float32),), None, "five")
    found = compare(net.graph(), net.graph(), samples)
    assert found.outputs == (math.inf,)
    assert found.agreement == 1
    assert found.missing == ()
