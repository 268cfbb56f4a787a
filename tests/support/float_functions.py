# SPDX-License-Identifier: Apache-2.0
"""Operators of TFLite that are functions of one or two floats: their options, and where to try them."""

from __future__ import annotations

from typing import Any

UNARY: dict[str, tuple[str | None, dict[str, Any], tuple[float, float]]] = {
    "ABS": ("AbsOptions", {}, (-3, 3)),
    "NEG": ("NegOptions", {}, (-3, 3)),
    "SQRT": (None, {}, (0, 9)),
    "EXP": ("ExpOptions", {}, (-5, 3)),
    "LOG": (None, {}, (0.01, 9)),
    "LEAKY_RELU": ("LeakyReluOptions", {"Alpha": 0.3}, (-3, 3)),
    "ELU": (None, {}, (-3, 3)),
    "HARD_SWISH": ("HardSwishOptions", {}, (-5, 5)),
}
"""By name: the options' table, its fields, the range of arguments."""

BINARY: dict[str, str] = {
    "SUB": "SubOptions",
    "DIV": "DivOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions",
}
