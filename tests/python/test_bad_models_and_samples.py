# SPDX-License-Identifier: Apache-2.0
"""What cannot be quantised: through Python and the command line the same words: what was found and what was expected,
where, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from tests.support.command import Groat
from tests.support.onnx_models import Builder

import groat
from groat.errors import GroatError, InputError, ModelError, UnsupportedError

Array = npt.NDArray[Any]
SHAPE = (1, 3, 8, 8)


def model_of(batch: int | str = 1, total: bool = False) -> onnx.ModelProto:
    """A convolution, a sum of all that it gives if asked for, which only floats have, and a dense layer."""
    b = Builder()
    y = b.node("Relu", b.conv("x", 3, 4, (3, 3), pads=[1] * 4))
    if total:
        y = b.node("ReduceSum", y)
    y = b.node("Flatten", b.node("GlobalAveragePool", y))
    return b.model({"x": [batch, *SHAPE[1:]]}, [b.node("Gemm", y, b.weights(1 if total else 4, 2), b.weights(2))])


def samples(count: int = 20) -> Array:
    return np.random.default_rng(0).standard_normal((count, 8, 8, 3)).astype(np.float32)


def with_nan() -> Array:
    x = samples()
    x[7, 2, 1, 0] = np.nan
    return x


CALIBRATION: dict[str, tuple[Callable[[], Array], tuple[str, ...]]] = {
    "empty": (lambda: samples(0), ("input 'x'", "there are 0", "expected at least 2", "give typical inputs")),
    "a single sample": (lambda: samples(1), ("input 'x'", "there are 1", "expected at least 2", "give typical inputs")),
    "no number": (with_nan, ("input 'x'", "sample 7", "no numbers", "expected finite", "leave it out")),
    "constant": (lambda: samples() * 0 + 3, ("input 'x'", "all values are 3", "give typical inputs")),
    "another shape": (lambda: samples()[:, :5], ("input 'x'", "[20, 5, 8, 3]", "expected [samples, *[1, 8, 8, 3]]")),
    "channels first": (
        lambda: samples().transpose(0, 3, 1, 2),
        ("input 'x'", "[20, 3, 8, 8]", "expected [samples, *[1, 8, 8, 3]]", "x.transpose(0, 2, 3, 1)"),
    ),
    "another type": (
        lambda: (samples() * 40).astype(np.int8),
        ("input 'x'", "are int8", "expected float32", "x.astype(numpy.float32)"),
    ),
}


@pytest.mark.parametrize("name", CALIBRATION)
def test_samples(name: str, tmp_path: Path, groat_command: Groat) -> None:
    make, words = CALIBRATION[name]
    model, data, output = tmp_path / "m.onnx", tmp_path / "x.npz", tmp_path / "m.groat"
    onnx.save(model_of(), str(model))
    np.savez(data, x=make())
    with pytest.raises(InputError) as error:
        groat.quantize(groat.load(model), make())
    said = groat_command.fails(2, "quantize", model, "--calib", data, "-o", output)
    assert all(word in str(error.value) for word in words), error.value
    if name == "empty":
        words = "x.npz", "x has shape [0, 8, 8, 3]", "expected at least one sample"
    assert all(word in said for word in words), said
    assert not output.exists()


def cut(folder: Path) -> Path:
    path = folder / "m.onnx"
    path.write_bytes(model_of().SerializeToString()[:-40])
    return path


def cut_tflite(folder: Path) -> Path:
    path = folder / "m.tflite"
    path.write_bytes(groat.load(model_of().SerializeToString()).to_tflite()[:-100])
    return path


def without_weights(folder: Path) -> Path:
    path = folder / "m.onnx"
    onnx.save(model_of(), str(path), save_as_external_data=True, location="m.weights", size_threshold=0)
    (folder / "m.weights").unlink()
    return path


def saved(**options: Any) -> Callable[[Path], Path]:
    def save(folder: Path) -> Path:
        path = folder / "m.onnx"
        onnx.save(model_of(**options), str(path))
        return path

    return save


MODELS: dict[str, tuple[Callable[[Path], Path], type[GroatError], tuple[str, ...]]] = {
    "cut ONNX": (cut, ModelError, ("m.onnx", "cut or damaged")),
    "cut TFLite": (cut_tflite, ModelError, ("m.tflite", "damaged")),
    "no weights": (without_weights, ModelError, ("m.onnx", "lie outside, in m.weights", "cannot be read")),
    "an open shape": (
        saved(batch="n"),
        ModelError,
        (
            "m.onnx",
            "input 'x'",
            "[n, 3, 8, 8]",
            "expected fixed sizes",
            "--shape x=1,3,8,8",
            "shape={'x': (1, 3, 8, 8)}",
        ),
    ),
    "no kernel": (
        saved(total=True),
        UnsupportedError,
        ("m.onnx as int8", "sum_to_float32", "no kernel of int8", "--allow-float", "allow_float=True"),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_models(name: str, tmp_path: Path, groat_command: Groat) -> None:
    make, kind, words = MODELS[name]
    model, data, output = make(tmp_path), tmp_path / "x.npz", tmp_path / "m.groat"
    np.savez(data, x=samples())
    with pytest.raises(kind) as error:
        groat.quantize(model, samples())
    said = groat_command.fails(3, "quantize", model, "--calib", data, "-o", output)
    for text in (str(error.value), said):
        assert all(word in text for word in words), text
    assert not output.exists()


def test_what_is_told_to_do_helps(tmp_path: Path, groat_command: Groat) -> None:
    """The flags that the errors name."""
    data, output = tmp_path / "x.npz", tmp_path / "m.groat"
    np.savez(data, x=samples())
    model = saved(batch="n")(tmp_path)
    report = groat_command.json("quantize", model, "--calib", data, "--shape", "x=1,3,8,8", "-o", output)
    assert report["float_layers"] == []
    model = saved(total=True)(tmp_path)
    report = groat_command.json("quantize", model, "--calib", data, "--allow-float", "-o", output)
    (name,) = report["float_layers"]
    assert [layer["op"] for layer in report["layers"] if layer["name"] == name] == ["sum_to_float32"]
