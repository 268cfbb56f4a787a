# SPDX-License-Identifier: Apache-2.0
"""groat.kernels as a user has it: a worked example, clear errors, devices, and a stub that is up to date."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.devices import DEVICES, device
from tools import make_kernel_stubs

from groat import kernels
from groat.errors import InputError
from groat.ops.arithmetic import quantize_multiplier

Array = npt.NDArray[Any]
Scaling = dict[str, Any]

MULTIPLIER, SHIFT = quantize_multiplier(0.25)
SCALING: Scaling = {"multiplier": MULTIPLIER, "shift": SHIFT}


def int8(*shape: int, start: int = -9) -> Array:
    return (np.arange(np.prod(shape)) + start).astype(np.int8).reshape(shape)


# ---- By hand -----------------------------------------------------------------------------------------------


def test_a_convolution_by_hand() -> None:
    x = int8(1, 3, 3, 1, start=1)  # 1 … 9
    ones = np.ones((1, 2, 2, 1), np.int8)
    y = kernels.conv2d(x, ones, np.array([-2], np.int32), **SCALING, output_zero_point=1)
    # Sums of four neighbours are 12, 16, 24 and 28; less 2, over 4, ties away from zero, plus 1.
    np.testing.assert_array_equal(y, np.array([[4, 5], [7, 8]], np.int8).reshape(1, 2, 2, 1))


def test_padding_holds_the_zero_point() -> None:
    x = np.full((1, 2, 2, 1), 10, np.int8)
    ones = np.ones((1, 3, 3, 1), np.int8)
    y = kernels.conv2d(x, ones, padding="same", input_zero_point=10, multiplier=1 << 30, shift=1)
    assert (y == 0).all()
    corner = kernels.conv2d(x, ones, padding=((1, 0), (1, 0)), multiplier=1 << 30, shift=1)
    np.testing.assert_array_equal(corner, [[[[40]]]])


def test_one_scaling_serves_all_channels() -> None:
    x, weights = int8(1, 2, 2, 3), int8(4, 1, 1, 3)
    one = kernels.conv2d(x, weights, **SCALING)
    each = kernels.conv2d(x, weights, multiplier=np.full(4, MULTIPLIER), shift=np.full(4, SHIFT))
    np.testing.assert_array_equal(one, each)


def test_lists_are_arrays_too() -> None:
    np.testing.assert_array_equal(
        kernels.add(np.int8([1, 2]), np.int8([3]), a_scale=1.0, b_scale=1.0, output_scale=1.0), [4, 5]
    )
    np.testing.assert_array_equal(kernels.transpose(np.int8([[1, 2], [3, 4]]), [1, 0]), [[1, 3], [2, 4]])
    np.testing.assert_array_equal(
        kernels.concatenation([np.int8([[1]]), np.int8([[2, 3]])], axis=-1), np.int8([[1, 2, 3]])
    )


def test_arguments_are_not_changed() -> None:
    x = int8(1, 4, 4, 2)
    before = x.copy()
    kernels.softmax(x, input_scale=0.1)
    kernels.lut(x, np.zeros(256, np.int8))
    kernels.max_pool2d(x[:, ::2], 2)
    np.testing.assert_array_equal(x, before)


def test_a_scalar_stays_one() -> None:
    y = kernels.mul(np.int8(3), np.int8(5), a_scale=1.0, b_scale=1.0, output_scale=1.0)
    assert (y.shape, y.dtype, int(y)) == ((), np.int8, 15)


# ---- Errors ------------------------------------------------------------------------------------------------

X = int8(1, 4, 4, 2)
W = int8(3, 2, 2, 2)

ERRORS: dict[str, tuple[Any, str]] = {
    "dtype": (lambda: kernels.conv2d(X.astype(np.float32), W, **SCALING), "x is float32; expected int8"),
    "rank": (lambda: kernels.conv2d(X[0], W, **SCALING), r"x has shape \(4, 4, 2\); expected 4 dimensions"),
    "weights": (lambda: kernels.conv2d(X, W.astype(np.int16), **SCALING), "weights is int16; expected int8"),
    "groups": (lambda: kernels.conv2d(X, int8(3, 2, 2, 3), **SCALING), "2 input channels do not divide into groups of"),
    "bias": (lambda: kernels.conv2d(X, W, np.zeros(2, np.int32), **SCALING), "bias has 2 values; expected 1 or 3"),
    "bias type": (lambda: kernels.conv2d(X, W, np.zeros(3), **SCALING), "bias is float64; expected int32"),
    "multipliers": (lambda: kernels.conv2d(X, W, multiplier=[1, 2], shift=0), "multiplier has 2 values; expected 1 or"),
    "shift": (lambda: kernels.conv2d(X, W, multiplier=1, shift=31), "conv_2d: these arguments do not fit each other"),
    "negative": (lambda: kernels.conv2d(X, W, multiplier=-1, shift=0), "do not fit each other"),
    "stride": (lambda: kernels.conv2d(X, W, **SCALING, stride=0), r"stride \(0, 0\).*expected at least 1 each"),
    "padding": (lambda: kernels.conv2d(X, W, **SCALING, padding="full"), 'padding is \'full\'; expected "same", "val'),
    "window": (lambda: kernels.conv2d(X, int8(1, 5, 5, 2), **SCALING), "do not fit each other"),
    "only padding": (lambda: kernels.conv2d(X, W, **SCALING, padding=((2, 2), (0, 0))), "do not fit each other"),
    "clamp": (lambda: kernels.conv2d(X, W, **SCALING, act_min=3, act_max=2), "do not fit each other"),
    "zero point": (lambda: kernels.conv2d(X, W, **SCALING, input_zero_point=128), "do not fit .* cannot hold 128"),
    "depthwise": (lambda: kernels.depthwise_conv2d(X, int8(1, 2, 2, 3), **SCALING), "do not fit 2 input channels"),
    "dense": (lambda: kernels.fully_connected(int8(2, 5), int8(3, 4), **SCALING), "expected the same depth"),
    "broadcast": (
        lambda: kernels.add(int8(2), int8(3), a_scale=1.0, b_scale=1.0, output_scale=1.0),
        "do not fit each other",
    ),
    "permutation": (lambda: kernels.transpose(X, [0, 1, 2, 2]), "do not fit each other"),
    "axes": (lambda: kernels.transpose(X, [0, 1, 2, 4]), "do not fit each other"),
    "short permutation": (lambda: kernels.transpose(X, [0, 1, 2]), "do not fit each other"),
    "reshape": (lambda: kernels.reshape(X, [5, 5]), "do not fit each other"),
    "table": (lambda: kernels.lut(X, np.zeros(255, np.int8)), "table has 255 entries; expected 256"),
    "pad": (lambda: kernels.pad(X, [(1, 1)]), "do not fit each other"),
    "negative pad": (lambda: kernels.pad(X, [(0, 0), (-1, 0), (0, 0), (0, 0)]), "do not fit each other"),
    "pad value": (lambda: kernels.pad(X, [(0, 0)] * 4, 200), "do not fit each other"),
    "no arrays": (lambda: kernels.concatenation([]), "expected arrays of one dtype and rank"),
    "two types": (lambda: kernels.concatenation([X, X.astype(np.float32)]), "expected arrays of one dtype and rank"),
    "concatenation": (lambda: kernels.concatenation([X, int8(1, 4, 3, 2)], axis=1), "do not fit each other"),
    "scale": (lambda: kernels.softmax(X, input_scale=0.0), "input_scale is 0.0; expected a positive number"),
    "scale of quantize": (lambda: kernels.quantize(X.astype(np.float32), scale=0.0), "do not fit each other"),
    "mean scale": (lambda: kernels.mean(X, [1], input_scale=-1.0), r"input_scale is -1\.0; expected a positive number"),
    "add scale": (
        lambda: kernels.add(X, X, a_scale=1.0, b_scale=0.0, output_scale=0.0),
        r"b_scale is 0\.0; expected a positive number",
    ),
    "mul scale": (
        lambda: kernels.mul(X, X, a_scale=1e30, b_scale=1.0, output_scale=1.0),
        "mul: its scales differ by a factor of",
    ),
    "mean axis": (lambda: kernels.mean(X, [7]), "axis 7 is out of range for 4 dimensions"),
    "no axes": (lambda: kernels.mean(X, []), "mean: there are no axes to average over"),
    "joining axis": (lambda: kernels.concatenation([X, X], axis=4), "axis 4 is out of range for 4 dimensions"),
    "small scale": (lambda: kernels.softmax(X, input_scale=1e-9), "softmax: input scale .* is too small"),
    "empty": (lambda: kernels.softmax(int8(0, 4), input_scale=1.0), "do not fit each other"),
    "place": (lambda: kernels.lut(X, np.zeros(256, np.int8), on="qemu:cortex-m9"), "cannot run on 'qemu:cortex-m9'"),
    "kernel set": (lambda: kernels.conv2d(X, W, **SCALING, isa="neon"), "there is no packing 'neon'"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_arguments_that_do_not_fit(name: str) -> None:
    call, message = ERRORS[name]
    with pytest.raises(InputError, match=message):
        call()


# ---- Devices -----------------------------------------------------------------------------------------------


@pytest.mark.qemu
@pytest.mark.parametrize("name", DEVICES)
def test_a_kernel_on_a_device_gives_the_hosts_bytes(name: str) -> None:
    device(name)
    rng = np.random.default_rng(5)
    x = rng.integers(-128, 128, (1, 6, 6, 4)).astype(np.int8)
    weights = rng.integers(-128, 128, (8, 3, 3, 4)).astype(np.int8)
    options: Scaling = {"multiplier": 1518500250, "shift": -8, "padding": "same", "stride": 2, "input_zero_point": -3}
    expected = kernels.conv2d(x, weights, **options)
    assert len(np.unique(expected)) > 20
    np.testing.assert_array_equal(kernels.conv2d(x, weights, **options, on=f"qemu:{name}"), expected)
    values = rng.normal(0, 3, 50).astype(np.float32)
    found = kernels.quantize(values, scale=0.03, zero_point=4, on=f"qemu:{name}")
    np.testing.assert_array_equal(found, kernels.quantize(values, scale=0.03, zero_point=4))


# ---- The stub ----------------------------------------------------------------------------------------------


def test_the_stub_is_up_to_date() -> None:
    committed = make_kernel_stubs.STUB.read_text(encoding="utf-8")
    assert committed == make_kernel_stubs.render(), "run: python tools/make_kernel_stubs.py"


def test_the_stub_has_every_function_with_its_docstring() -> None:
    text = make_kernel_stubs.render()
    for name in dir(kernels):
        assert f"\ndef {name}(\n" in text
        first = (inspect.getdoc(getattr(kernels, name)) or "").splitlines()[0]
        assert f'    """{first}' in text


def test_a_stub_with_a_name_of_unknown_origin_is_refused() -> None:
    with pytest.raises(ValueError, match="annotations name Mystery; add where from to ORIGINS"):
        make_kernel_stubs.imports("ArrayLike | None Mystery[int]")
