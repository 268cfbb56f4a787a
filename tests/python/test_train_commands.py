# SPDX-License-Identifier: Apache-2.0
"""`groat train`, `groat train-plan`, and `groat profile --program train_step`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.command import Groat
from tools.tflite_builder import Builder

import groat

RNG = np.random.default_rng(8)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A convolution and a dense layer of floats."""
    m = Builder()
    x = m.input((1, 6, 6, 1), "float32", name="image")
    weights = RNG.normal(0, 0.4, (4, 3, 3, 1)).astype(np.float32)
    y = m.conv_2d(x, weights, np.zeros(4, np.float32), None, None, padding="SAME", activation="RELU", name="conv")
    y = m.reshape(y, (1, 144))
    dense = RNG.normal(0, 0.1, (2, 144)).astype(np.float32)
    y = m.fully_connected(y, dense, np.zeros(2, np.float32), None, None, name="dense")
    path = tmp_path / "two.tflite"
    path.write_bytes(m.build([m.softmax(y, name="scores")]))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Which half is brighter."""
    x = RNG.random((140, 6, 6, 1)).astype(np.float32)
    y = RNG.integers(0, 2, len(x))
    x[y == 1, :3] += 0.3
    x[y == 0, 3:] += 0.3
    path = tmp_path / "data.npz"
    np.savez(path, x=x[:100], y=y[:100], x_test=x[100:], y_test=y[100:])
    return path


def test_a_model_is_trained_and_saved(groat_command: Groat, model: Path, data: Path, tmp_path: Path) -> None:
    trained, picture = tmp_path / "trained.tflite", tmp_path / "curves.svg"
    flags = ["--data", str(data), "--epochs", "3", "--lr", "0.02", "--plot", str(picture), "-o", str(trained)]
    result = groat_command("train", str(model), *flags, "--format", "json")
    assert result.code == 0, result.err
    report = result.json
    assert report["steps"] == 300
    assert report["epochs"] == 3
    assert report["losses"][-1] < report["losses"][0]
    assert len(report["accuracies"]) == 4
    assert report["accuracy"] > max(report["accuracies"][0], 0.8)
    assert picture.read_text().startswith("<svg")
    with np.load(data) as arrays:
        compiled = groat.compile(trained)
        found = [int(compiled.run(image[np.newaxis]).argmax()) for image in arrays["x_test"]]
        assert np.mean(found == arrays["y_test"]) == pytest.approx(report["accuracy"])


def test_a_trained_adapter_goes_into_the_model(groat_command: Groat, model: Path, data: Path, tmp_path: Path) -> None:
    trained = tmp_path / "trained.tflite"
    flags = ["--data", str(data), "--epochs", "2", "--lr", "0.02", "--adapter-rank", "2", "-o", str(trained)]
    result = groat_command("train", str(model), *flags, "--format", "json")
    assert result.code == 0, result.err
    with np.load(data) as arrays:
        compiled = groat.compile(trained)
        found = [int(compiled.run(image[np.newaxis]).argmax()) for image in arrays["x_test"]]
        assert np.mean(found == arrays["y_test"]) == pytest.approx(result.json["accuracy"], abs=0.03)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--layers", "last:9"], "has 2 layers with weights"),
        (["--epochs", "0"], "expected at least 1"),
        (["--lr", "-1"], "expected a positive number"),
        (["--optimizer", "lion"], "expected one of sgd, momentum, adam"),
        (["-o", "model.onnx"], "is written as .tflite"),
        (["--data", "nowhere.npz"], "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said(groat_command: Groat, model: Path, data: Path, change: Any, words: str) -> None:
    result = groat_command("train", str(model), "--data", str(data), *change)
    assert result.code == 2
    assert words in " ".join(result.err.split())


def test_labels_that_do_not_exist(groat_command: Groat, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "wrong.npz"
    np.savez(path, x=np.zeros((3, 6, 6, 1), np.float32), y=np.array([0, 1, 2]))
    result = groat_command("train", str(model), "--data", str(path))
    assert result.code == 2
    assert "label 2 is out of range; the model has 2 classes: 0 to 1" in " ".join(result.err.split())


def test_a_plan_of_training(groat_command: Groat, model: Path, data: Path) -> None:
    flags = ["--data", str(data), "--ram", "6K", "--lr", "0.02", "--steps", "40", "--format", "json"]
    result = groat_command("train-plan", str(model), *flags)
    assert result.code == 0, result.err
    assert result.json["arena_bytes"] <= 6 * 1024
    assert result.json["layers"]
    assert any(row["chosen"] for row in result.json["choices"])


def test_the_cost_of_a_step(groat_command: Groat, model: Path) -> None:
    flags = ["--program", "train_step", "--train", "all", "--optimizer", "sgd", "--dtype", "fp32"]
    result = groat_command("profile", str(model), *flags, "--on", "qemu:cortex-m4", "--format", "json")
    assert result.code == 0, result.err
    report = result.json
    assert report["program"] == "train_step"
    kinds = [layer["op"] for layer in report["layers"]]
    assert "conv_2d_weight_grad_float32" in kinds
    assert "fully_connected_input_grad_float32" in kinds
    assert report["instructions"] > report["macs"] > 0
    assert report["arena_bytes"] > 0
    wrong = groat_command("profile", str(model), "--program", "train", "--on", "qemu:cortex-m4")
    assert wrong.code == 2
    assert "no program 'train'; it has infer, train_step" in " ".join(wrong.err.split())


def test_a_model_that_learns_is_packed(groat_command: Groat, model: Path, tmp_path: Path) -> None:
    packed = tmp_path / "learner.groat"
    result = groat_command("pack", str(model), "--learn", "--layers", "last:1", "-o", str(packed))
    assert result.code == 0, result.err
    with groat.Runner("host", packed.read_bytes()) as runner:
        assert [program.name for program in runner.model.programs] == ["infer", "train_step"]
        assert len(runner.parameters()) == 2
