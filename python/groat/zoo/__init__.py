# SPDX-License-Identifier: Apache-2.0
"""The model zoo: networks in PyTorch, trained where data allows, as packed models.

from groat.zoo.building import build

built = build("ds_cnn")                                  # quantised, from the weights that come along
built = build("ds_cnn", data="fsdd.npz", train=True)     # trained anew
built.quantized.save("ds_cnn.groat", target="cortex-m4")

`groat zoo` does the same.  A module of each model has its structure, and where it comes from.
"""

from __future__ import annotations

import json
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from groat.errors import InputError, ToolchainError

if TYPE_CHECKING:
    from groat.zoo.entries import Entry

NAMES = (
    *("mobilenet_v2", "mobilenet_v3", "efficientnet_lite", "resnet8"),
    *("ds_cnn", "gru", "gestures", "autoencoder", "vision_transformer"),
)


def entry(name: str) -> Entry:
    """A model by its name.  Raises InputError for an unknown one, ToolchainError without PyTorch."""
    if name not in NAMES:
        raise InputError(f"the zoo has no model {name!r}; expected one of {', '.join(NAMES)}")
    try:
        import torch  # noqa: F401
    except ImportError:
        raise ToolchainError("the zoo builds models in PyTorch, which is missing: pip install 'groat[zoo]'") from None
    found: Entry = import_module(f"groat.zoo.{name}").ENTRY
    return found


def figures() -> list[dict[str, Any]]:
    """What tools/zoo_figures.py measured of each model, in int8: name, task, source, input (its shape), parameters,
    macs, target, arena_bytes and file_bytes there, weights ("trained" or "random"); of trained ones metric ("top1" or
    "mse"), test_samples, of (whose they are), and that metric of floats, of quantized, and of stand_ins: quantised
    without data.  None for random ones."""
    found: list[dict[str, Any]] = json.loads((files("groat.zoo") / "figures.json").read_text(encoding="utf-8"))
    return found
