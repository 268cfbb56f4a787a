# SPDX-License-Identifier: Apache-2.0
"""What convolution and pooling share: how a window slides over an NHWC image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from groat.graph.ir import Array, Op
from groat.ops.base import ImportedOp, Rows, Shape, Unsupported

UINT16_MAX = 65535


def extent(kernel: int, dilation: int) -> int:
    """Rows or columns that a dilated kernel spans."""
    return (kernel - 1) * dilation + 1


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """TensorFlow's SAME padding along one axis: (before, after); the odd one goes after."""
    out = -(-size // stride)
    total = max((out - 1) * stride + extent(kernel, dilation) - size, 0)
    return total // 2, total - total // 2


def import_window(source: ImportedOp, kernel: tuple[int, int]) -> dict[str, Any]:
    """Attributes of the window from TFLite options:

    stride, dilation: (height, width); padding: ((top, bottom), (left, right)).
    """
    options = source.options
    shape = source.input(0).shape
    if len(shape) != 4:
        raise Unsupported(f"its input has {len(shape)} dimensions; expected 4 (NHWC)")
    stride = (int(options["StrideH"]), int(options["StrideW"]))
    dilation = (int(options.get("DilationHFactor", 1)), int(options.get("DilationWFactor", 1)))
    if min(*stride, *dilation, *kernel) < 1:
        raise Unsupported(f"stride {stride}, dilation {dilation}, kernel {kernel}: expected at least 1 each")
    reach = [extent(kernel[i], dilation[i]) for i in range(2)]
    if max(reach) > UINT16_MAX:
        raise Unsupported(f"its window spans {reach[0]} x {reach[1]} pixels; expected at most {UINT16_MAX} each way")
    if isinstance(options["Padding"], tuple):  # of a format that has borders in pixels
        padding: tuple[tuple[int, int], ...] = options["Padding"]
        if any(border < 0 or border >= reach[i] for i in range(2) for border in padding[i]):
            raise Unsupported(
                f"its padding is {padding}; expected less than its window's {reach[0]} x {reach[1]} pixels"
            )
    elif options["Padding"] == "SAME":
        padding = tuple(same_padding(shape[1 + i], kernel[i], stride[i], dilation[i]) for i in range(2))
    else:
        padding = ((0, 0), (0, 0))
    return {"kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding}


def window_options(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """The options that import_window makes these attributes from."""
    options: dict[str, Any] = {"Padding": attrs["padding"]}
    for axis, letter in enumerate("HW"):
        options |= {f"Stride{letter}": attrs["stride"][axis], f"Dilation{letter}Factor": attrs["dilation"][axis]}
    return options


def spatial_shape(attrs: Mapping[str, Any], height: int, width: int) -> tuple[int, int]:
    """Output height and width; 0 or less where the window does not fit."""

    def along(axis: int, size: int) -> int:
        before, after = attrs["padding"][axis]
        room = size + before + after - extent(attrs["kernel"][axis], attrs["dilation"][axis])
        return int(room // attrs["stride"][axis] + 1)

    return along(0, height), along(1, width)


def window_fields(op: Op, in_shape: Shape, out_shape: Shape) -> dict[str, int]:
    """The fields of groat_window."""
    attrs = op.attrs
    names = ("batches", "in_h", "in_w", "in_c", "out_h", "out_w")
    fields = dict(zip(names, (*in_shape, *out_shape[1:3]), strict=True))
    for name in ("kernel", "stride", "dilation"):
        fields[f"{name}_h"], fields[f"{name}_w"] = attrs[name]
    fields["pad_top"], fields["pad_left"] = attrs["padding"][0][0], attrs["padding"][1][0]
    return fields


def windows(op: Op, in_shape: Shape, out_shape: Shape) -> Iterator[tuple[int, int, Sequence[Any], Sequence[Any]]]:
    """For every output pixel (y, x): (y, x, [(tap row, input row)...], [(tap column, input column)...]), taps that
    fall on padding left out."""
    attrs = op.attrs

    def taps(axis: int, position: int) -> list[tuple[int, int]]:
        start = position * attrs["stride"][axis] - attrs["padding"][axis][0]
        places = ((tap, start + tap * attrs["dilation"][axis]) for tap in range(attrs["kernel"][axis]))
        return [(tap, place) for tap, place in places if 0 <= place < in_shape[1 + axis]]

    rows = [taps(0, y) for y in range(out_shape[1])]
    columns = [taps(1, x) for x in range(out_shape[2])]
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            yield y, x, row, column


def pad_image(x: Array, op: Op, value: int) -> Array:
    """The image with the op's padding made real."""
    import numpy as np

    (top, bottom), (left, right) = op.attrs["padding"]
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=value)


def window_rows(op: Op, padding: int = 0, cuts: bool = False) -> Rows:
    """How a window goes through an image."""
    attrs = op.attrs
    kernel, stride, dilation, pads = attrs["kernel"], attrs["stride"], attrs["dilation"], attrs["padding"]
    return Rows(
        extent=extent(kernel[0], dilation[0]),
        stride=stride[0],
        pad=pads[0][0],
        extent_w=extent(kernel[1], dilation[1]),
        stride_w=stride[1],
        pad_w=pads[1][0],
        dilation=dilation[0],
        padding=padding,
        gathers=True,
        cuts=cuts,
    )
