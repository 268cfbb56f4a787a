# SPDX-License-Identifier: Apache-2.0
"""The kernel vectors of CMSIS-NN: cases of another project, for int8 with weights of eight and four bits, for int16,
and for what merely moves float32."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from groat import kernels
from groat.ops.call import call
from groat.ops.matrices import matrices_of

Array = npt.NDArray[Any]
Params = dict[str, Any]
Arrays = dict[str, Array]
Case = tuple[Params, Arrays]


def around(size: int, out: int, reach: int, stride: int, before: int) -> tuple[int, int]:
    """(before, after): what CMSIS-NN gives as padding before, and what the size of the output makes of the other."""
    return before, max(0, (out - 1) * stride + reach - size - before)


def padding(p: Params, filter_size: tuple[int, int], pads: tuple[int, int], dilation: tuple[int, int] = (1, 1)) -> Any:
    stride = (p["stride_y"], p["stride_x"]) if "stride_y" in p else (p["stride_h"], p["stride_w"])
    sizes, outs = (p["input_h"], p["input_w"]), (p["output_h"], p["output_w"])
    reach = [(filter_size[i] - 1) * dilation[i] + 1 for i in range(2)]
    return tuple(around(sizes[i], outs[i], reach[i], stride[i], pads[i]) for i in range(2))


def bias_of(a: Arrays) -> Array | None:
    """CMSIS-NN sums int16 products without a bias in 32 bits and rounds twice, TFLM in 64 bits and once; the former is
    what a bias of int32 zeros asks for."""
    if "biases" not in a and a["input"].dtype == np.int16:
        return np.zeros(1, np.int32)
    return a.get("biases")


def convolution(p: Params, a: Arrays) -> dict[str, Any]:
    """The arguments that both convolutions have, but the weights."""
    dilation = (p["dilation_y"], p["dilation_x"])
    return {
        "x": a["input"].reshape(p["input_batches"], p["input_h"], p["input_w"], p["in_ch"]),
        "bias": bias_of(a),
        "multiplier": a["output_mult"],
        "shift": a["output_shift"],
        "stride": (p["stride_y"], p["stride_x"]),
        "dilation": dilation,
        "padding": padding(p, (p["filter_y"], p["filter_x"]), (p["pad_y"], p["pad_x"]), dilation),
        "input_zero_point": -p["input_offset"],
        "output_zero_point": p["output_offset"],
        "act_min": p["out_activation_min"],
        "act_max": p["out_activation_max"],
    }


def weights_of(a: Arrays, count: int) -> tuple[Array, bool]:
    """So many weights, and whether they come two to a byte, the first in the lower half."""
    stored = a["weights"].ravel()
    if stored.size == count:
        return stored, False
    assert stored.size == (count + 1) // 2
    return np.stack([stored << 4 >> 4, stored >> 4], axis=1).ravel()[:count], True


def conv(p: Params, a: Arrays) -> Array:
    shape = (p["out_ch"], p["filter_y"], p["filter_x"], p.get("filter_ch", p["in_ch"]))
    weights, four_bits = weights_of(a, math.prod(shape))
    function = kernels.conv2d_s4 if four_bits else kernels.conv2d
    return function(weights=weights.reshape(shape), **convolution(p, a))


def depthwise(p: Params, a: Arrays) -> Array:
    shape = (1, p["filter_y"], p["filter_x"], p["out_ch"])
    weights, four_bits = weights_of(a, math.prod(shape))
    function = kernels.depthwise_conv2d_s4 if four_bits else kernels.depthwise_conv2d
    return function(weights=weights.reshape(shape), **convolution(p, a))


def dense(p: Params, a: Arrays) -> Array:
    depth = p["accumulation_depth"]
    weights, four_bits = weights_of(a, p["out_ch"] * depth)
    function = kernels.fully_connected_s4 if four_bits else kernels.fully_connected
    return function(
        a["input"].reshape(p["input_batches"], depth),
        weights.reshape(p["out_ch"], depth),
        a.get("biases"),
        multiplier=p["output_multiplier"],
        shift=p["output_shift"],
        input_zero_point=-p["input_offset"],
        weights_zero_point=-p.get("filter_offset", 0),
        output_zero_point=p["output_offset"],
        act_min=p["out_activation_min"],
        act_max=p["out_activation_max"],
    )


def add(p: Params, a: Arrays) -> Array:
    """Recorded for half the sum: constants that CMSIS-NN takes as they are, and Groat derives."""
    assert p["input1_mult"] == p["input2_mult"] == p["output_mult"] == 1 << 30
    assert (p["input1_shift"], p["input2_shift"], p["output_shift"]) == (0, 0, 1 - p["left_shift"])
    limits = {"act_min": p["out_activation_min"], "act_max": p["out_activation_max"]}
    return kernels.add(a["input1"], a["input2"], a_scale=1.0, b_scale=1.0, output_scale=2.0, **limits)


def pool(function: Callable[..., Array]) -> Callable[[Params, Arrays], Array]:
    def run(p: Params, a: Arrays) -> Array:
        size = (p["filter_h"], p["filter_w"])
        pads = padding(p, size, (p["padding_h"], p["padding_w"]))
        x = a["input_tensor"].reshape(-1, p["input_h"], p["input_w"], p["input_c"])
        limits = (p["activation_min"], p["activation_max"])
        return function(x, size, (p["stride_h"], p["stride_w"]), pads, *limits)

    return run


def pad(p: Params, a: Arrays) -> Array:
    x = a["input_tensor"].reshape(*(p[f"input_{axis}"] for axis in "nhwc"))
    return kernels.pad(x, [(p[f"pre_pad_{axis}"], p[f"post_pad_{axis}"]) for axis in "nhwc"], p["pad_value"])


def transpose(p: Params, a: Arrays) -> Array:
    x = a["input_tensor"].reshape(*(p[f"input_{axis}"] for axis in "nhwc"))
    return kernels.transpose(x, [p[f"perm_{axis}"] for axis in range(4)])


def concatenation(p: Params, a: Arrays) -> Array:
    shape = [p[f"input_{axis}"] for axis in "nhw"]
    parts = [a[f"{side}_input"].reshape(*shape, p[f"{side}_c"]) for side in ("lhs", "rhs")]
    return kernels.concatenation(parts, axis=3)


def batch_matmul(p: Params, a: Arrays) -> Array:
    """Recorded with factors that no scales of float32 give."""
    shapes = [tuple(p[f"{side}_{axis}"] for axis in ("batch", "height", "rows", "cols")) for side in ("lhs", "rhs")]
    adjoint = bool(p["adj_x"]), bool(p["adj_y"])
    inputs = [a[f"{side}_input_tensor"].reshape(shape) for side, shape in zip(("lhs", "rhs"), shapes, strict=True)]
    names = {
        "a_zero_point": -p["lhs_offset"],
        "b_zero_point": -p["rhs_offset"],
        "output_zero_point": p["output_offset"],
    }
    attrs = {**matrices_of(*(x.shape for x in inputs), *adjoint), **names}
    attrs |= {"multiplier": p["output_multiplier"], "shift": p["output_shift"]}
    kind = "matmul" if inputs[0].dtype == np.int8 else "matmul_int16"
    return call(kind, inputs, attrs, str(inputs[0].dtype), "host", None)


def maximum_minimum(p: Params, a: Arrays) -> Array:
    inputs = (
        a[f"input_tensor_{i}"].reshape(*(p[f"{axis}_{i}"] for axis in ("batch", "height", "width", "channel")))
        for i in (1, 2)
    )
    return kernels.maximum_minimum(*inputs, p["layer_type"])


def transpose_conv(p: Params, a: Arrays) -> Array:
    return kernels.transpose_conv(
        a["input"].reshape(p["input_batches"], p["input_h"], p["input_w"], p["in_ch"]),
        a["weights"].reshape(p["out_ch"], p["filter_y"], p["filter_x"], p["in_ch"]),
        a.get("biases"),
        multiplier=a["output_mult"],
        shift=a["output_shift"],
        out_size=(p["output_h"], p["output_w"]),
        stride=(p["stride_y"], p["stride_x"]),
        padding=((p["pad_y"], 0), (p["pad_x"], 0)),
        input_zero_point=-p["input_offset"],
        output_zero_point=p["output_offset"],
        act_min=p["out_activation_min"],
        act_max=p["out_activation_max"],
    )


RUN: dict[str, Callable[[Params, Arrays], Array]] = {
    "avgpool": pool(kernels.average_pool2d),
    "batch_matmul": batch_matmul,
    "concatenation": concatenation,
    "convolve": conv,
    "convolve_1x1": conv,
    "depthwise_conv": depthwise,
    "depthwise_conv_3x3": depthwise,
    "depthwise_conv_fast": depthwise,
    "elementwise_add": add,
    "fully_connected": dense,
    "grouped_convolve": conv,
    "max_pool": pool(kernels.max_pool2d),
    "maximum_minimum": maximum_minimum,
    "pad": pad,
    "reverse_transpose_conv": transpose_conv,
    "transpose": transpose,
    "transpose_conv": transpose_conv,
}
MOVES_FLOATS = {"concatenation", "pad", "transpose"}
TAKEN = {
    ("avgpool", "s16"): 2,
    ("avgpool", "s8"): 2,
    ("batch_matmul", "s16"): 1,
    ("batch_matmul", "s8"): 2,
    ("concatenation", "f32"): 1,
    ("convolve", "s16"): 3,
    ("convolve", "s4"): 6,
    ("convolve", "s8"): 1,
    ("convolve_1x1", "s4"): 2,
    ("depthwise_conv", "s16"): 1,
    ("depthwise_conv", "s4"): 2,
    ("depthwise_conv", "s8"): 3,
    ("depthwise_conv_3x3", "s8"): 2,
    ("depthwise_conv_fast", "s16"): 1,
    ("elementwise_add", "s16"): 1,
    ("fully_connected", "s16"): 1,
    ("fully_connected", "s4"): 2,
    ("fully_connected", "s8"): 3,
    ("grouped_convolve", "s8"): 1,
    ("max_pool", "s8"): 2,
    ("maximum_minimum", "s8"): 2,
    ("pad", "f32"): 1,
    ("pad", "s8"): 1,
    ("reverse_transpose_conv", "s8"): 1,
    ("transpose", "f32"): 2,
    ("transpose", "s8"): 2,
    ("transpose_conv", "s8"): 2,
}
# Cases of ops that Groat has not.
LEFT_OUT = {"lstm_unidirectional"}


def described(material: Path) -> Iterator[tuple[Path, Params]]:
    for path in sorted((material / "vectors" / "cmsis_nn").glob("*/*.json")):
        yield path, json.loads(path.read_text(encoding="utf-8"))


def is_taken(case: Params) -> bool:
    moves = case["dtype"] == "f32" and case["op"] in MOVES_FLOATS
    return case["op"] in RUN and (case["dtype"] in ("s4", "s8", "s16") or moves)


def load(path: Path, case: Params) -> Case:
    params = case["params"]
    if case["op"] == "transpose" and case["dtype"] == "s8":
        # Its shape was lost; the float32 case of the same name is the same one.
        sibling = path.with_name(f"{path.stem}_f32.json")
        params = json.loads(sibling.read_text(encoding="utf-8"))["params"]
    with np.load(path.with_suffix(".npz")) as arrays:
        return params, dict(arrays)


def test_no_case_is_left_out_by_accident(material: Path) -> None:
    cases = [case for _, case in described(material)]
    assert Counter((case["op"], case["dtype"]) for case in cases if is_taken(case)) == TAKEN
    for dtype, left_out in (("s8", LEFT_OUT), ("s16", LEFT_OUT)):
        taken = {op for op, kind in TAKEN if kind == dtype}
        assert {case["op"] for case in cases if case["dtype"] == dtype} == taken | left_out


@pytest.mark.parametrize("op", RUN)
def test_a_kernel_gives_the_recorded_bytes(material: Path, op: str) -> None:
    count = 0
    for path, case in described(material):
        if case["op"] != op or not is_taken(case):
            continue
        params, arrays = load(path, case)
        found = RUN[op](params, arrays)
        expected = arrays["output_ref"] if "output_ref" in arrays else arrays["output"]
        assert found.dtype == expected.dtype, case["case"]
        assert found.tobytes() == expected.tobytes(), case["case"]
        count += 1
    assert count == sum(number for (kind, _), number in TAKEN.items() if kind == op)
