# SPDX-License-Identifier: Apache-2.0
"""How convolution walks an image: the ring of padded rows, where it is tight, short or skipped over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from groat import kernels
from groat.graph.ir import Op
from groat.isa import PACKINGS
from groat.ops import op_def
from groat.ops.call import window

# (image h, w), kernel, stride, dilation, padding
WINDOWS = {
    "same": ((9, 7), (3, 3), (1, 1), (1, 1), "same"),
    "uneven": ((8, 8), (3, 3), (2, 2), (1, 1), "same"),
    "left only": ((5, 6), (2, 3), (1, 1), (1, 1), ((0, 0), (2, 0))),
    "right only": ((5, 6), (2, 3), (1, 1), (1, 1), ((0, 0), (0, 2))),
    "below only": ((5, 6), (3, 2), (1, 1), (1, 1), ((0, 2), (0, 0))),
    "image lower than the window": ((2, 5), (5, 3), (1, 1), (1, 1), "same"),
    "image of one pixel": ((1, 1), (5, 5), (1, 1), (1, 1), "same"),
    "dilated": ((9, 9), (3, 3), (1, 1), (3, 2), "same"),
    "dilated beyond the image": ((3, 3), (3, 3), (1, 1), (2, 2), "same"),
    "rows skipped": ((13, 5), (1, 2), (4, 1), (1, 1), ((0, 0), (1, 0))),
    "columns never read": ((4, 11), (2, 2), (1, 4), (1, 1), ((1, 0), (1, 0))),
    "pointwise with stride": ((7, 7), (1, 1), (2, 2), (1, 1), "valid"),
}


@pytest.mark.parametrize("isa", PACKINGS)
@pytest.mark.parametrize("channels", [1, 3, 8])
@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("kind", ["conv_2d", "depthwise_conv_2d"])
def test_a_window_gives_what_numpy_does(kind: str, name: str, channels: int, isa: str) -> None:
    size, kernel, stride, dilation, padding = WINDOWS[name]
    rng = np.random.default_rng(5)
    x = rng.integers(-128, 128, (2, *size, channels), np.int8)
    shape = (5, *kernel, channels) if kind == "conv_2d" else (1, *kernel, channels)
    weights = rng.integers(-128, 128, shape, np.int8)
    count = 5 if kind == "conv_2d" else channels
    scaling: dict[str, Any] = {
        "multiplier": rng.integers(1 << 30, 2**31 - 1, count).astype(np.int32),
        "shift": np.full(count, -7, np.int32),
        "input_zero_point": -37,
        "output_zero_point": 11,
        "act_min": -128,
        "act_max": 127,
    }
    attrs = {**window(x, kernel, stride, dilation, padding), "groups": 1, **scaling}
    expected = op_def(kind).reference(Op(kind, (0, 1), (2,), attrs), [x, weights])[0]
    call = kernels.conv2d if kind == "conv_2d" else kernels.depthwise_conv2d
    found = call(x, weights, stride=stride, dilation=dilation, padding=padding, **scaling, isa=isa)
    np.testing.assert_array_equal(found, expected)
