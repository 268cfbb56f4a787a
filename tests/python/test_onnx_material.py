# SPDX-License-Identifier: Apache-2.0
"""ONNX's own node tests, and published quantised models against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.onnx_models import close, kinds, run_groat, run_onnx
from tests.support.onnx_nodes import BEGIN, END, PAGE, load_node_test, node_tests, section, unsupported

import groat
from groat.errors import GroatError

DATA_DIGITS = 2e-4  # what the data of some tests are rounded to


def test_every_node_test_that_imports_passes(material: Path) -> None:
    passed = 0
    for path in node_tests(material):
        try:
            loaded, inputs, outputs = load_node_test(path)
        except GroatError:
            continue
        for expected, found in zip(outputs, run_groat(loaded, inputs), strict=True):
            rounded = bool(np.allclose(np.round(expected.astype(np.float64), 4), expected, rtol=0, atol=1e-7))
            assert close(expected, found, DATA_DIGITS if rounded else 1e-5), f"{path.name}: {found} for {expected}"
        passed += 1
    print(f"{passed} node tests pass")
    assert passed >= 225


def test_the_page_lists_the_node_tests_that_do_not_import(material: Path) -> None:
    text = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert text == section(unsupported(material)), "python -m tests.support.onnx_nodes writes it anew"


def test_kws_is_as_accurate_as_in_onnx_runtime(material: Path) -> None:
    path = material / "onnx" / "derived_qdq" / "kws_ref_model.onnx"
    data = np.load(material / "data" / "mlperf_kws01" / "kws01_shared_first200.npz")
    loaded = groat.load(path, shape={"input_1": (1, 49, 10, 1)})
    assert "transpose" not in kinds(loaded)
    assert not [kind for kind in kinds(loaded) if "float" in kind]
    compiled = groat.compile(loaded)
    x = data["x"].reshape(-1, 1, 49, 10, 1)
    ours = np.array([compiled.run(frame) for frame in x]).reshape(len(x), -1)
    theirs = np.array([run_onnx(path.read_bytes(), [frame])[0] for frame in x]).reshape(len(x), -1)
    accuracies = [float((y.argmax(axis=1) == data["y"]).mean()) for y in (ours, theirs)]
    assert abs(accuracies[0] - accuracies[1]) <= 0.003
    # It was made from a TFLite model, and its arithmetic is TensorFlow Lite Micro's.
    assert np.array_equal(ours.argmax(axis=1), data["out_tflm"].argmax(axis=1))


@pytest.mark.parametrize(
    ("name", "shape"),
    [("derived_qdq/pretrainedResnet_quant", (1, 32, 32, 3)), ("mlonmcu_models/micro_kws_m_static_qdq", (1, 1960))],
)
def test_quantised_models_agree_with_onnx_runtime(material: Path, name: str, shape: tuple[int, ...]) -> None:
    path = material / "onnx" / f"{name}.onnx"
    loaded = groat.load(path, shape=",".join(map(str, shape)))
    assert not [kind for kind in kinds(loaded) if "float" in kind or kind == "transpose"]
    compiled, rng = groat.compile(loaded), np.random.default_rng(0)
    dtype = loaded.graph.tensors[loaded.graph.inputs[0]].dtype
    same = 0
    for _ in range(40):
        x = rng.integers(-128, 128, shape).astype(dtype) if dtype == "int8" else rng.uniform(0, 26, shape)
        [theirs] = run_onnx(path.read_bytes(), [x.astype(dtype)])
        same += int(np.argmax(compiled.run(x.astype(dtype))) == np.argmax(theirs))
    assert same >= 38
