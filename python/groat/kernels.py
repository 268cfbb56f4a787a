# SPDX-License-Identifier: Apache-2.0
"""Every op of the table as a function on NumPy arrays, on this host or on a device.

    y = groat.kernels.conv2d(x, weights, bias, multiplier=multiplier, shift=shift, padding="same")
    y = groat.kernels.conv2d(…, on="qemu:cortex-m4")
    cost = groat.kernels.measure(groat.kernels.conv2d, x, …, on="qemu:cortex-m4").instructions

The functions stand in the ops' own modules (groat.ops.conv_2d.conv2d, …) and are found through the op table, so
that a new op appears here by itself.  Their signatures for type checkers are in kernels.pyi, which
tools/make_kernel_stubs.py writes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from groat.ops import op_rows
from groat.ops.layout import use_layout
from groat.ops.measure import Measurement, measure

__all__ = ["Measurement", "function_name", "measure", "use_layout"]


def function_name(op: str) -> str:
    """The function of an op: its name in the table, "_2d" written together; that for int8 serves int16 too, and one
    that ends in "_float" serves all floats."""
    return op.replace("_2d", "2d").removesuffix("_int16").replace("_float32", "_float").replace("_float16", "_float")


def __getattr__(name: str) -> Callable[..., Any]:
    for row in op_rows():
        if function_name(row.name) == name:
            function: Callable[..., Any] = getattr(importlib.import_module(f"groat.ops.{row.name}"), name)
            return function
    raise AttributeError(f"groat.kernels has no {name!r}; it has {', '.join(__dir__())}")


def __dir__() -> list[str]:
    return sorted({function_name(row.name) for row in op_rows()})
