# SPDX-License-Identifier: Apache-2.0
"""Integer ops that are in no random model: against TensorFlow Lite Micro, in every kernel set, quantised, and in
damaged files."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.golden.edit import Editor
from tests.support.graphs import kinds
from tests.support.integer_cases import MODELS, matmul, model, transpose_conv
from tests.support.oracle import needs_tflm
from tests.support.random_graphs import random_inputs
from tools.tflite_builder import Builder, Quant

import groat
from groat import kernels
from groat.errors import InputError, ModelError, UnsupportedError
from groat.graph import Op
from groat.ops import call as call_module
from groat.ops import op_def
from groat.oracle.tflm import Tflm
from groat.runners.host import HostRunner

Array = npt.NDArray[Any]

MODELS_EACH = 25


@needs_tflm
@pytest.mark.parametrize(("name", "dtype"), MODELS)
def test_an_operator_equals_tflm(name: str, dtype: str) -> None:
    varied = 0
    for seed in range(MODELS_EACH):
        source = model(name, dtype, seed)
        inputs = random_inputs(source, seed)
        (expected,) = Tflm(source, f"{name} {dtype} {seed}").run(inputs)
        with HostRunner(groat.compile(source).packed) as runner:
            (found,) = runner.run(inputs)
        assert found.dtype == expected.dtype
        assert found.tobytes() == expected.tobytes(), f"{name} {dtype} {seed}: {np.argwhere(found != expected)[:3]}"
        varied += len(np.unique(found)) > 1
    assert varied > MODELS_EACH // 2


@pytest.mark.parametrize("isa", ["scalar", "dsp", "mve", "rvv"])
def test_kernel_sets_agree(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of matrices and transposed convolutions, with the layouts that each set has for them."""
    real, seen = call_module.call_all, 0

    def call_all(kind: str, inputs: Any, attrs: Any, *rest: Any, **options: Any) -> list[Array]:
        nonlocal seen
        (found,) = real(kind, inputs, attrs, *rest, **options)
        (expected,) = op_def(kind).reference(Op(kind, tuple(range(len(inputs))), (0,), attrs), inputs)
        assert found.tobytes() == expected.tobytes(), f"{kind} {isa}: {np.argwhere(found != expected)[:3]}"
        seen += 1
        return [found]

    monkeypatch.setattr(call_module, "call_all", call_all)
    rng = np.random.default_rng(0)
    for _ in range(30):
        matmul(rng, "int8", isa)
        transpose_conv(rng, "int8", isa, most=14)
        transpose_conv(rng, "int16", isa, most=9)
    assert seen == 90


# ---- Definitions of our own ------------------------------------------------------------------------------------


def test_what_is_divided_by_zero_is_as_far_as_the_clamp_allows() -> None:
    a = np.array([-5, 0, 7], np.int8)
    scales = {"a_scale": 1.0, "b_scale": 1.0, "output_scale": 1.0}
    found = kernels.div(a, np.array([3], np.int8), b_zero_point=3, act_min=-100, **scales)
    assert found.tolist() == [-100, 0, 127]


def test_quotients_that_tflm_shifts_too_far_are_rounded() -> None:
    """TFLM shifts them by more than 31, which is undefined, and has 127 or -128 for some."""
    a, b = (x.ravel().astype(np.int8) for x in np.meshgrid(np.arange(-128, 128), np.arange(-128, 128)))
    a, b = a[b != 0], b[b != 0]
    found = kernels.div(a, b, a_scale=1.0, b_scale=1.0, output_scale=1.0)
    real = a.astype(np.float64) / b
    assert np.abs(found - np.clip(real, -128, 127)).max() <= 0.5 + 1e-6


@pytest.mark.parametrize(("dtype", "steps"), [("int8", 1.0), ("int16", 1.5)])
@pytest.mark.parametrize("groups", [1, 3])
def test_normalised_groups_are_those_of_floats(dtype: str, steps: float, groups: int) -> None:
    rng = np.random.default_rng(0)
    unit = 1 if dtype == "int8" else 256
    for _ in range(30):
        x = np.clip(rng.normal(10, 30, (5, 4, 36)) * unit, -128 * unit, 128 * unit - 1).astype(dtype)
        gamma, beta = rng.normal(0, 1, (2, 36))
        scales = {"input_scale": 0.05 / unit, "output_scale": 0.03 / unit}
        found = kernels.group_norm(x, gamma, beta, groups, **scales)
        parts = (x * scales["input_scale"]).reshape(5, 4, groups, -1)
        apart = parts - parts.mean(axis=(1, 3), keepdims=True)
        normal = apart / np.sqrt((apart * apart).mean(axis=(1, 3), keepdims=True) + 1e-5)
        real = (normal.reshape(x.shape) * gamma + beta) / scales["output_scale"]
        limits = np.iinfo(dtype)
        assert np.abs(found - np.clip(real, limits.min, limits.max)).max() <= 0.5 * steps + 0.01


def test_a_tabulated_function_of_int16_is_near_the_function() -> None:
    from groat.frontends.operator import ImportedOperator
    from groat.ops.lut_int16 import tabulate_int16

    source = ImportedOperator("function", 0, {}, [0], [1], {})
    op = tabulate_int16(source, lambda x: 20000 * np.tanh(x / 9000))
    x = np.arange(-32768, 32768).astype(np.int16)
    found = kernels.lut(x, op.attrs["table"])
    assert np.abs(found - 20000 * np.tanh(x / 9000)).max() < 1.5


# ---- What importers refuse -------------------------------------------------------------------------------------


def _refused(m: Builder, y: Any, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        groat.load(m.build([y]))


def test_maxima_of_two_scales_are_refused() -> None:
    m = Builder()
    inputs = [m.input((4,), quant=Quant(scale)) for scale in (0.5, 0.25)]
    y = m.tensor((4,), "int8", Quant(0.5))
    m.op("MAXIMUM", inputs, [y], "MaximumMinimumOptions")
    _refused(m, y, "second input and its output differ in scale or zero point; MAXIMUM compares")


def test_quotients_of_int16_are_refused() -> None:
    m = Builder()
    y = m.tensor((4,), "int16", Quant(0.5))
    m.op("DIV", [m.input((4,), "int16", Quant(0.5)) for _ in range(2)], [y], "DivOptions")
    _refused(m, y, "its first input is int16; there are kernels for int8 and float32 only")


def test_matrices_that_do_not_fit_are_refused() -> None:
    for a, b, message in (
        ((2, 3), (4, 5), "matrices .* do not fit each other"),
        ((3,), (3, 5), "expected at least 2 dimensions"),
    ):
        m = Builder()
        y = m.tensor((2, 5), "int8", Quant(0.5))
        m.op("BATCH_MATMUL", [m.input(shape, quant=Quant(0.5)) for shape in (a, b)], [y], "BatchMatMulOptions")
        _refused(m, y, message)


def test_a_resize_that_rescales_is_refused() -> None:
    m = Builder()
    y = m.tensor((1, 4, 4, 1), "int8", Quant(0.5))
    x = m.input((1, 2, 2, 1), quant=Quant(0.25))
    m.op("RESIZE_BILINEAR", [x, m.constant(np.array([4, 4], np.int32))], [y], "ResizeBilinearOptions")
    _refused(m, y, "differ in type, scale or zero point; it does not rescale")


def test_transposed_weights_that_are_computed_are_refused() -> None:
    m = Builder()
    y = m.tensor((1, 4, 4, 2), "int8", Quant(0.5))
    inputs = [
        m.constant(np.array([1, 4, 4, 2], np.int32)),
        m.input((2, 2, 2, 3), quant=Quant(0.5)),
        m.input((1, 2, 2, 3), quant=Quant(0.5)),
    ]
    m.op("TRANSPOSE_CONV", inputs, [y], "TransposeConvOptions", StrideH=2, StrideW=2, Padding=1)
    _refused(m, y, "its weights or bias are computed at run time")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": 5}, "it has 5 groups in"),
        ({"epsilon": -1.0}, "nothing negative"),
        ({"input_scale": 1e-13}, "its epsilon .* is too large for an input scale"),
        ({"output_scale": 1e-9}, "steps of its output; expected less than"),
        ({"output_zero_point": 3, "x": np.zeros((2, 8), np.int16)}, "expected 0 for int16"),
    ],
)
def test_wrong_arguments_of_a_normalisation(arguments: dict[str, Any], message: str) -> None:
    right: dict[str, Any] = {
        "x": np.zeros((2, 8), np.int8),
        "gamma": np.ones(8),
        "beta": np.zeros(8),
        "groups": 2,
        "input_scale": 0.1,
        "output_scale": 0.1,
    }
    with pytest.raises(InputError, match=message):
        kernels.group_norm(**{**right, **arguments})


# ---- Damaged files ---------------------------------------------------------------------------------------------


def packed_by_call(monkeypatch: pytest.MonkeyPatch, call: Any) -> bytes:
    """The packed model that a call of a kernel runs."""
    from groat import runners

    found: list[bytes] = []
    real = runners.open_runner

    def open_runner(on: str, packed: bytes, *rest: Any, **options: Any) -> Any:
        found.append(packed)
        return real(on, packed, *rest, **options)

    monkeypatch.setattr(runners, "open_runner", open_runner)
    call()
    return found[0]


ZERO = np.zeros((1, 2, 4, 4), np.int8)
SCALES = {"a_scale": 1.0, "b_scale": 1.0, "output_scale": 2.0}
WIDE = ZERO.astype(np.int16)


def _transposed() -> Array:
    x = np.zeros((1, 3, 3, 4), np.int8)
    scaling = {"multiplier": 1 << 30, "shift": -5}
    return kernels.transpose_conv(x, np.ones((2, 3, 3, 4), np.int8), **scaling, stride=2, out_size=(7, 7))


BAD: dict[str, tuple[Any, list[dict[str, Any]]]] = {
    "sub": (
        lambda: kernels.sub(ZERO, ZERO, **SCALES),
        [
            {"add__a_shift": 1},
            {"add__left_shift": 21},
            {"add__output_shift": -32},
            {"add__act_min": 127, "add__act_max": 0},
        ],
    ),
    "sub_int16": (
        lambda: kernels.sub(WIDE, WIDE, **SCALES),
        [{"add__b_shift": 1}, {"add__left_shift": 16}, {"add__act_min": 5, "add__act_max": 4}],
    ),
    "maximum_minimum": (lambda: kernels.maximum_minimum(ZERO, ZERO), [{"minimum": 2}]),
    "div": (
        lambda: kernels.div(ZERO, ZERO, **SCALES),
        [{"mul__shift": 23}, {"mul__shift": -32}, {"mul__act_min": 5, "mul__act_max": 4}],
    ),
    "matmul": (
        lambda: kernels.matmul(ZERO, ZERO, **SCALES),
        [
            {"matrices__depth": 0},
            {"matrices__rows": 5},
            {"matrices__a_strides": [0, 0, 16, 4, 2]},
            {"matrices__b_strides": [0, 0, 17, 4, 1]},
            {"shift": 31},
            {"multiplier": -1},
        ],
    ),
    "matmul_int16": (
        lambda: kernels.matmul(WIDE, WIDE, **{**SCALES, "output_scale": 100.0}),
        [
            {"matrices__columns": 0},
            {"shift": 15},
            {"multiplier": 32768},
            {"matrices__b_strides": [1, 1, 1, 1 << 31, 1]},
        ],
    ),
    "resize_nearest_neighbor": (
        lambda: kernels.resize_nearest_neighbor(ZERO, [0, 1, 1], [0, 3]),
        [{"in_h": 1}, {"in_w": 3}, {"pixel_bytes": 0}, {"rows": 4}, {"columns": 1 << 30}, {"out_h": 4}],
    ),
    "resize_bilinear": (
        lambda: kernels.resize_bilinear(ZERO, [(0, 3), (1, 1024)], [(3, 0)]),
        [{"in_h": 1}, {"in_w": 3}, {"channels": 3}, {"rows": 4}, {"columns": 1 << 30}, {"out_w": 0}],
    ),
    "lut_int16": (
        lambda: kernels.lut(WIDE, np.zeros(513, np.int16)),
        [{"table": 2}, {"table": 1 << 30}, {"elements": 31}],
    ),
    "leaky_relu_int16": (
        lambda: kernels.leaky_relu(WIDE, input_scale=1.0, output_scale=1.0),
        [{"shift": 31}, {"negative_shift": -32}, {"elements": 33}],
    ),
    "transpose_conv": (
        _transposed,
        [
            {"window__stride_h": 0},
            {"window__stride_w": 4},
            {"window__kernel_h": 9},
            {"window__pad_top": 3},
            {"window__dilation_w": 2},
            {"window__out_h": 8},
            {"window__in_c": 5},
            {"out_c": 3},
            {"layout": 255},
            {"weights": 4},
            {"channels": 1 << 30},
            {"act_min": 1, "act_max": 0},
        ],
    ),
    "transpose_conv_float32": (
        lambda: kernels.transpose_conv_float(
            np.zeros((1, 3, 3, 4), np.float32), np.ones((2, 3, 3, 4), np.float32), stride=2, out_size=(7, 7)
        ),
        [{"window__stride_h": 0}, {"x_c": 5}, {"weights": 4}, {"bias": 1 << 30}, {"act_min": 1.0, "act_max": 0.0}],
    ),
    "group_norm": (
        lambda: kernels.group_norm(ZERO, np.ones(4), np.ones(4), 2, input_scale=1.0, output_scale=1.0),
        [
            {"norm__sizes__groups": 3},
            {"norm__sizes__pixels": 0},
            {"norm__channels": 8},
            {"norm__shift": 31},
            {"norm__epsilon_shift": 31},
            {"norm__act_max": 128},
            {"norm__act_min": 5, "norm__act_max": 4},
        ],
    ),
    "group_norm_int16": (
        lambda: kernels.group_norm(WIDE, np.ones(4), np.ones(4), 1, input_scale=1.0, output_scale=1.0),
        [{"norm__sizes__groups": 0}, {"norm__shift": 31}],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_damaged_parameters_are_refused_at_open(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    call, edits = BAD[name]
    packed = packed_by_call(monkeypatch, call)
    HostRunner(packed).close()
    for fields in edits:
        with pytest.raises(ModelError):
            HostRunner(Editor(packed).set("params", 0, **fields).done()).close()


def test_damaged_tables_are_refused_at_open(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, table, entry in (
        ("resize_nearest_neighbor", "rows", b"\x02\x00"),
        ("resize_bilinear", "rows", b"\x00\x00\x01\x04"),
        ("resize_bilinear", "columns", b"\x04\x00\x00\x00"),
    ):
        packed = packed_by_call(monkeypatch, BAD[name][0])
        monkeypatch.undo()
        data = bytearray(packed)
        at = getattr(Editor(packed).record("params", 0), table)
        data[at : at + len(entry)] = entry
        with pytest.raises(ModelError):
            HostRunner(Editor(bytes(data)).done()).close()
    packed = packed_by_call(monkeypatch, BAD["group_norm"][0])
    at = Editor(packed).record("params", 0).norm.channels
    for value in (-(1 << 24) - 1, (1 << 24) + 1):
        data = bytearray(packed)
        data[at : at + 4] = value.to_bytes(4, "little", signed=True)
        with pytest.raises(ModelError):
            HostRunner(Editor(bytes(data)).done()).close()


# ---- Under quantisation ----------------------------------------------------------------------------------------


def test_whole_models_of_integers() -> None:
    """Attention, an upsampling net and functions of one value, from ONNX: nothing stays float in int8 or 16x8."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    torch.set_num_threads(1)

    class Attention(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.qkv, self.out = torch.nn.LayerNorm(16), torch.nn.Linear(16, 48), torch.nn.Linear(16, 16)

        def forward(self, x: Any) -> Any:
            q, k, v = self.qkv(self.norm(x)).chunk(3, dim=-1)
            q, k, v = (part.reshape(1, 6, 2, 8).transpose(1, 2) for part in (q, k, v))
            weights = torch.softmax(q @ k.transpose(-2, -1) / 8**0.5, dim=-1)
            y = (weights @ v).transpose(1, 2).reshape(1, 6, 16)
            return torch.nn.functional.gelu(x + self.out(y)) - x

    class Upsampling(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.down = torch.nn.Conv2d(2, 6, 3, stride=2, padding=1)
            self.up = torch.nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1)
            self.end = torch.nn.Conv2d(4, 1, 1)

        def forward(self, x: Any) -> Any:
            y = torch.nn.functional.hardswish(self.up(torch.nn.functional.leaky_relu(self.down(x), 0.1)))
            wide = torch.nn.functional.interpolate(self.end(y), scale_factor=2, mode="bilinear", align_corners=False)
            return torch.maximum(wide, torch.nn.functional.interpolate(torch.tanh(x[:, :1]), scale_factor=2))

    rng = np.random.default_rng(0)
    for net, shape in ((Attention(), (1, 6, 16)), (Upsampling(), (1, 2, 8, 8))):
        loaded = groat.load(net.eval(), (torch.zeros(shape),))
        samples = rng.normal(0, 1, (60, *shape)).astype(np.float32)
        if len(shape) == 4:
            samples = samples.transpose(0, 1, 3, 4, 2)
        for scheme, least in (("int8", 20.0), ("16x8", 35.0)):
            made = groat.quantize(loaded, samples, scheme=scheme)
            left = [kind for kind in kinds(groat.compile(made).graph) if "float" in kind]
            assert left == []
            compiled, floats = groat.compile(made), groat.compile(loaded)
            apart, signal = 0.0, 0.0
            for x in samples[:10]:
                (y,), (real,) = np.atleast_1d(compiled.run(x)), np.atleast_1d(floats.run(x))
                apart += float(((y - real) ** 2).sum())
                signal += float((real**2).sum())
            assert 10 * np.log10(signal / apart) > least, f"{type(net).__name__} {scheme}"
