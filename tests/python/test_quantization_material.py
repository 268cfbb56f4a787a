# SPDX-License-Identifier: Apache-2.0
"""Published models of floats, quantised here: beside the models of integers that their makers published.

Samples that ranges were measured with are never judged.  There are no images of the sets that ResNet8 and MobileNet
were trained on: they see digits of MNIST on smooth coloured backgrounds, and are judged by what the floats say.
"""

from __future__ import annotations

import functools
import gzip
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.material import folder
from tests.support.onnx_models import run_onnx_frames

import groat
from groat.batches import host_batches
from groat.samples import Samples, inputs_for, reals

Array = npt.NDArray[Any]
KWS_FLOAT = "mlperf_results/kws_saved_model_variables"


def outputs_of(model: Any, x: Array) -> Array:
    """The first output [n, values] as real numbers."""
    compiled = groat.compile(model)
    graph = compiled.graph
    tensors = [graph.tensors[number] for number in graph.inputs]
    inputs = inputs_for(Samples((x,), None, "x"), tensors)
    parts = [arrays[0] for _, arrays in host_batches(compiled.packed, inputs)]
    return reals(np.concatenate(parts), graph.tensors[graph.outputs[0]]).reshape(len(x), -1)


def snr(signal: Array, other: Array) -> float:
    return float(10 * np.log10(np.sum(signal**2) / np.sum((signal - other) ** 2)))


def share(outputs: Array, labels: Array) -> float:
    """Of samples whose largest output is the label, in percent."""
    return 100 * float(np.mean(outputs.argmax(axis=1) == labels))


# ---- Keyword spotting -----------------------------------------------------------------------------------------


@functools.cache
def keywords() -> tuple[Array, Array]:
    """(inputs float32 [200, 49, 10, 1], labels)."""
    arrays = np.load(folder() / "data" / "mlperf_kws01" / "kws01_shared_first200.npz")
    graph = groat.load(folder() / "models" / "mlperf_tiny" / "kws_ref_model.tflite").graph
    return reals(arrays["x"], graph.tensors[graph.inputs[0]]).astype(np.float32), arrays["y"].astype(np.int64)


CALIBRATED = (50, 64, 80, 100)


def keyword_losses(material: Path, **choices: Any) -> tuple[list[float], list[float]]:
    """(points lost against floats, points against the published int8 model) on the samples that were not calibrated
    with: of the first 50, 64, 80 and 100, and of 100 drawn four times."""
    x, y = keywords()
    floats, published = material / f"models/{KWS_FLOAT}.tflite", material / "models/mlperf_tiny/kws_ref_model.tflite"
    expected, reference = outputs_of(floats, x), outputs_of(published, x)
    lost, behind = [], []
    everything = np.arange(len(x))
    parts = [(everything[:count], everything[count:]) for count in CALIBRATED]
    parts += [(order[:100], order[100:]) for order in (np.random.default_rng(s).permutation(len(x)) for s in range(4))]
    for learnt, judged in parts:
        made = groat.quantize(floats, x[learnt], **choices)
        found = share(outputs_of(made, x[judged]), y[judged])
        lost.append(share(expected[judged], y[judged]) - found)
        behind.append(share(reference[judged], y[judged]) - found)
    print(f"{choices}: {np.round(lost, 1)} points behind floats, {np.round(behind, 1)} behind the published int8")
    return lost, behind


def test_keywords_as_int8_are_as_good_as_floats(material: Path) -> None:
    lost, behind = keyword_losses(material)
    assert np.mean(lost) <= 0.5
    # One sample is a point: means of eight are all that 200 samples tell.
    assert np.mean(behind) <= 0.2
    half = CALIBRATED.index(100)
    assert lost[half] <= 0.5
    assert behind[half] <= 0


@pytest.mark.slow
def test_keywords_with_weights_of_four_bits(material: Path) -> None:
    assert np.mean(keyword_losses(material, scheme="w4a8")[0]) <= 2.0


@pytest.mark.slow
def test_keywords_as_a_mixture(material: Path) -> None:
    pytest.importorskip("ortools")
    x, _ = keywords()
    floats = material / f"models/{KWS_FLOAT}.tflite"
    budget = groat.Budget(weights="60%")
    made = groat.quantize(floats, x[:100], scheme="mixed", budget=budget)
    int8 = groat.quantize(floats, x[:100])
    assert made.weights_bytes <= 0.6 * int8.weights_bytes
    assert np.mean(keyword_losses(material, scheme="mixed", budget=budget)[0]) <= 1.0


# ---- Digits -----------------------------------------------------------------------------------------------------


def digits_of(material: Path, part: str, count: int | None = None) -> tuple[Array, Array]:
    def read(kind: str, skip: int) -> Array:
        data = gzip.decompress((material / "data" / "mnist" / f"{part}-{kind}.gz").read_bytes())
        return np.frombuffer(data, np.uint8)[skip:]

    images, labels = read("images-idx3-ubyte", 16), read("labels-idx1-ubyte", 8)
    x = images.reshape(-1, 28, 28, 1)[:count].astype(np.float32) / 255
    return x, labels[:count].astype(np.int64)


DIGITS = ("tinymaix/mnist_valid_f", "emlearn/mnist_cnn_fp32")


@pytest.mark.parametrize("name", DIGITS)
def test_digits_keep_their_accuracy(material: Path, name: str) -> None:
    x, y = digits_of(material, "t10k")
    samples, _ = digits_of(material, "train", 200)
    model = material / f"models/{name}.tflite"
    floats = share(outputs_of(model, x), y)
    begin = time.monotonic()
    made = groat.quantize(model, samples)
    found = share(outputs_of(made, x), y)
    seconds = time.monotonic() - begin
    four = share(outputs_of(groat.quantize(model, samples, scheme="w4a8"), x), y)
    print(f"{name}: floats {floats:.2f} %, int8 {found:.2f} % in {seconds:.1f} s, w4a8 {four:.2f} %")
    assert floats > 96
    assert found >= floats - 0.2
    assert four >= floats - 1


@pytest.mark.slow
@pytest.mark.parametrize(("name", "points"), [("tinymaix/mnist_valid_f", 0.5), ("emlearn/mnist_cnn_fp32", 0.2)])
def test_digits_learnt_as_four_bits_come_back(material: Path, name: str, points: float) -> None:
    """Quantisation-aware training on 12,000 digits, alone and with the model of floats as its teacher."""
    import torch

    import groat.qat

    torch.set_num_threads(1)
    x, y = digits_of(material, "t10k")
    learnt = digits_of(material, "train", 12_000)
    made = groat.quantize(material / f"models/{name}.tflite", learnt[0][:200], scheme="w4a8")
    floats, before = share(outputs_of(material / f"models/{name}.tflite", x), y), share(outputs_of(made, x), y)
    for teacher in (None, material / f"models/{name}.tflite"):
        learner = groat.qat.prepare(made)
        groat.qat.train(learner, learnt, 2, batch_size=64, teacher=teacher)
        found = share(outputs_of(learner.export(), x), y)
        taught = "alone" if teacher is None else "with a teacher"
        print(f"{name}: floats {floats:.2f} %, w4a8 {before:.2f} %, trained on {taught} {found:.2f} %")
        assert found > before + (points if teacher is None else 0.2)
        assert found >= floats - 0.2


# ---- Images -------------------------------------------------------------------------------------------------------


def images(material: Path, count: int, size: int) -> Array:
    """Digits on smooth coloured backgrounds with a little noise, [count, size, size, 3] from 0 to 1."""
    rng = np.random.default_rng(0)
    digits, _ = digits_of(material, "t10k", count)
    scale = size // 28
    result = np.zeros((count, size, size, 3), np.float32)
    places = np.linspace(0, 3, size)
    cell = np.minimum(places.astype(int), 2)
    part = places - cell
    for i in range(count):
        coarse = rng.uniform(0, 1, (4, 4, 3))
        rows = coarse[cell] * (1 - part)[:, None, None] + coarse[cell + 1] * part[:, None, None]
        background = rows[:, cell] * (1 - part)[None, :, None] + rows[:, cell + 1] * part[None, :, None]
        border = (size - 28 * scale) // 2
        mask = np.pad(np.kron(digits[i, :, :, 0], np.ones((scale, scale))), (border, size - 28 * scale - border))
        result[i] = background * (1 - mask[..., None]) + mask[..., None] * rng.uniform(0, 1, 3)
    return np.clip(result + rng.normal(0, 0.03, result.shape), 0, 1).astype(np.float32)


def agreement(outputs: Array, floats: Array) -> float:
    """How many samples have their largest output where the floats have it, in percent."""
    return share(outputs, floats.argmax(axis=1))


def test_a_quantised_onnx_model_is_as_accurate_as_in_onnx_runtime(material: Path) -> None:
    """ResNet8 as ONNX with QuantizeLinear: the same class as the floats', on images that stand in for CIFAR's."""
    x = images(material, 400, 32) * np.float32(255)
    path = material / "onnx" / "derived_qdq" / "pretrainedResnet_quant.onnx"
    floats = outputs_of(material / "models" / "mlperf_tiny" / "pretrainedResnet.tflite", x)
    loaded = groat.load(path, shape="1,32,32,3")
    tensor = loaded.graph.tensors[loaded.graph.inputs[0]]
    stored = inputs_for(Samples((x,), None, "x"), [tensor])[0]
    ours = outputs_of(loaded, x)
    frames = stored.reshape(-1, 1, 32, 32, 3)
    theirs = np.array([scores for [scores] in run_onnx_frames(path.read_bytes(), [[frame] for frame in frames])])
    theirs = theirs.reshape(len(x), -1)
    found, expected = agreement(ours, floats), agreement(theirs, floats)
    print(f"ResNet8 in QDQ: {found:.2f} % the class of floats, in ONNX Runtime {expected:.2f} %")
    print(f"{agreement(ours, theirs):.2f} % the class of ONNX Runtime")
    assert found >= expected - 0.3  # more is luck: these are not the images that it was trained for


@pytest.mark.parametrize(
    ("name", "published", "size", "factor"),
    [("pretrainedResnet", "pretrainedResnet_quant", 32, 255), ("vww_96_float", "vww_96_int8", 96, 1)],
)
def test_images_are_nearer_to_floats_than_the_published_models(
    material: Path, name: str, published: str, size: int, factor: int
) -> None:
    x = images(material, 200, size) * np.float32(factor)
    models = material / "models" / "mlperf_tiny"
    learnt, judged = x[:80], x[80:]
    floats = outputs_of(models / f"{name}.tflite", judged)
    theirs = outputs_of(models / f"{published}.tflite", judged)
    ours = outputs_of(groat.quantize(models / f"{name}.tflite", learnt), judged)
    print(
        f"{name}: agreement {agreement(ours, floats):.1f} %, published {agreement(theirs, floats):.1f} %; "
        f"SNR {snr(floats, ours):.1f} dB, published {snr(floats, theirs):.1f} dB"
    )
    assert agreement(ours, floats) >= agreement(theirs, floats)
    assert snr(floats, ours) >= snr(floats, theirs)
