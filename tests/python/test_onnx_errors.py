# SPDX-License-Identifier: Apache-2.0
"""ONNX files that cannot be imported: what the errors say."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from tests.support.command import Groat
from tests.support.onnx_models import Builder

import groat
from groat.errors import InputError, ModelError, ToolchainError, UnsupportedError


def conv(shape: tuple[int | str, ...] = (1, 3, 8, 8)) -> onnx.ModelProto:
    b = Builder()
    return b.model({"x": shape}, [b.conv("x", 3, 4, (3, 3))])


def test_an_open_shape_is_asked_for_by_its_flag() -> None:
    with pytest.raises(ModelError, match=r"input 'x' has shape \[n, 3, 8, w\]; expected fixed sizes") as caught:
        groat.load(conv(("n", 3, 8, "w")).SerializeToString())
    assert "--shape x=1,3,8,1" in str(caught.value)
    assert "shape={'x': (1, 3, 8, 1)}" in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ("y=1,3,8,8", "there is no input 'y' to give a shape to; the model has x"),
        ("x=1,3,8", r"input 'x' cannot have shape \[1, 3, 8\]; the file says \[n, 3, 8, 8\]"),
        ("x=1,4,8,8", r"input 'x' cannot have shape \[1, 4, 8, 8\]; the file says"),
        ("x=1,0,8,8", r"input 'x' cannot have shape \[1, 0, 8, 8\]; expected sizes of at least 1"),
        ("x=1,3,a,8", "'x=1,3,a,8' is not the shape of an input; expected, for example, x=1,3,96,96"),
        ("", "'' is not the shape of an input"),
        ({"x": (1, 3)}, "cannot have shape"),
    ],
)
def test_shapes_that_do_not_fit(shape: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        groat.load(conv(("n", 3, 8, 8)).SerializeToString(), shape=shape)


def test_shapes_and_channels_are_for_onnx(digits: Path) -> None:
    for choices in ({"shape": "x=1,2"}, {"channels": "first"}):
        with pytest.raises(InputError, match="shape and channels are for ONNX models"):
            groat.load(digits, **choices)
    with pytest.raises(InputError, match="channels is 'middle'; expected last or first"):
        groat.load(conv().SerializeToString(), channels="middle")
    with pytest.raises(InputError, match="example_inputs are for PyTorch modules"):
        groat.load(digits, np.zeros(1))


def test_every_cut_of_a_file_is_an_error() -> None:
    source = conv().SerializeToString()
    for length in range(0, len(source), 23):
        with pytest.raises(ModelError):
            groat.load(source[:length])


def test_damaged_files_never_crash() -> None:
    source = conv().SerializeToString()
    rng = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(source)
        for place in rng.integers(0, len(source), 4):
            damaged[place] = rng.integers(0, 256)
        with contextlib.suppress(ModelError, InputError):
            groat.load(bytes(damaged))


def test_a_file_that_is_not_onnx(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    for content in (b"not a model", b"\x08\x07", b"\xff" * 100):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"m\.onnx: the ONNX file is cut or damaged"):
            groat.load(path)


def test_external_data_need_a_path_and_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(conv(), str(path), save_as_external_data=True, location="m.weights", size_threshold=0)
    with pytest.raises(
        ModelError, match=r"2 of its tensors, such as 'c0', lie outside, in m\.weights; give the model by"
    ):
        groat.load(path.read_bytes())
    (tmp_path / "m.weights").unlink()
    with pytest.raises(ModelError, match=r"lie outside, in m\.weights; that cannot be read"):
        groat.load(path)


def test_unsupported_ops_are_all_named() -> None:
    b = Builder()
    x = b.node("Mod", "x", b.constant(np.float32(2)), fmod=1)
    x = b.node("Relu", x)
    model = b.model({"x": [1, 4]}, [b.node("TopK", x, b.constant(np.array([2])), outputs=2)])
    with pytest.raises(UnsupportedError) as caught:
        groat.load(model.SerializeToString())
    assert len(caught.value.problems) == 2
    assert caught.value.problems[0].startswith(
        "node 0 'Mod_0', Mod (x float32[1, 4], c0 float32[] -> v0_0 float32[1, 4])"
    )
    assert "TopK_2" in caught.value.problems[1]
    assert all(line.endswith("there is no kernel for this op") for line in caught.value.problems)


def test_an_op_of_another_domain_is_named_with_it() -> None:
    b = Builder()
    b.nodes.append(onnx.helper.make_node("Magic", ["x"], ["y"], domain="com.example"))
    model = b.model({"x": [1, 4]}, ["y"], domains=["com.example"])
    with pytest.raises(UnsupportedError, match=r"com\.example\.Magic .*there is no kernel"):
        groat.load(model.SerializeToString())


@pytest.mark.parametrize("kind", [TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.INT8, TensorProto.INT64])
def test_types_without_kernels(kind: int) -> None:
    b = Builder()
    model = b.model({"x": [1, 4]}, [b.node("Relu", "x")], types={"x": kind, "v0_0": kind})
    with pytest.raises(ModelError, match=r"input 'x' is .*; expected float32, or int8 or uint8"):
        groat.load(model.SerializeToString())


def test_an_old_opset() -> None:
    b = Builder()
    model = b.model({"x": [1, 4]}, [b.node("Relu", "x")], opset=11)
    with pytest.raises(ModelError, match="its opset is 11; expected 13 to"):
        groat.load(model.SerializeToString())


def test_a_pad_that_cuts_off_everything() -> None:
    """The onnx package itself would abort when it sees what is left."""
    b = Builder()
    x = b.node("Pad", "x", b.constant([0, 0, -1000, 0, 0, 0, 0, 0]))
    model = b.model({"x": [1, 2, 8, 8]}, ["y"])
    model.graph.node.append(
        onnx.helper.make_node("Slice", [x, b.constant([1]), b.constant([5]), b.constant([2])], ["y"])
    )
    model.graph.initializer.extend(b.constants[1:])
    with pytest.raises(ModelError, match=r"has shape \[1, 2, -992, 8\]; expected no empty tensor"):
        groat.load(model.SerializeToString())


def test_a_node_that_does_not_fit_its_inputs() -> None:
    b = Builder()
    model = b.model({"x": [1, 4]}, [b.node("Relu", "x")])
    model.graph.node[0].op_type = "MatMul"
    model.graph.node[0].input.append("x")
    with pytest.raises(ModelError, match=r"node 'Relu_0' \(MatMul\) does not fit its inputs"):
        groat.load(model.SerializeToString())


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ToolchainError, match=r"takes the package onnx .*pip install 'groat\[onnx\]'"):
        groat.load(conv().SerializeToString())


def test_validate_refuses_another_oracle(digits: Path) -> None:
    from groat.validation import validate

    loaded = groat.load(conv().SerializeToString())
    with pytest.raises(InputError, match="cannot validate against 'litert'; expected onnxruntime or tflm"):
        validate(loaded, ["host"], against="litert")
    with pytest.raises(InputError, match="cannot validate against 'onnxruntime'; expected tflm"):
        validate(groat.load(digits), ["host"], against="onnxruntime")


def test_every_command_takes_onnx(tmp_path: Path, groat_command: Groat) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(conv(("n", 3, 8, 8)).SerializeToString())
    shape = ("--shape", "x=1,3,8,8")
    assert groat_command.json("run", str(path), *shape)["outputs"][0]["shape"] == [1, 6, 6, 4]
    assert groat_command.json("run", str(path), *shape, "--channels", "first")["outputs"][0]["shape"] == [1, 4, 6, 6]
    assert groat_command.json("pack", str(path), *shape, "-o", str(tmp_path / "m.groat"))["file_bytes"] > 0
    assert groat_command.json("analyze", str(path), *shape)["macs"] == 36 * 4 * 27
    verdict = groat_command.json("validate", str(path), *shape)
    assert verdict["equal"]
    assert verdict["against"] == "onnxruntime"
    refused = groat_command("run", str(path))
    assert refused.code == 3
    assert "--shape x=1,3,8,8" in refused.err
