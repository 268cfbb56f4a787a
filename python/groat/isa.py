# SPDX-License-Identifier: Apache-2.0
"""The kernel sets on this host: one extension module for each, of one source.

All but `ref` are the files that devices run, compiled against headers that emulate the instructions they name, so
that a model packed for any core can be run, traced and debugged here, to the same bytes.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

from groat.errors import InputError

PACKINGS = ("ref", "dsp", "mve", "rvv", "scalar")


@functools.cache
def core(packing: str) -> Any:
    """The extension module whose kernels read a packing (its interface is groat/_core.pyi).

    Raises InputError for a packing that this version has no kernels for.
    """
    if packing not in PACKINGS:
        raise InputError(f"there is no packing {packing!r}; expected one of {', '.join(PACKINGS)}")
    name = "groat._core" if packing == "ref" else f"groat._core_{packing}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise InputError(f"this version has no {packing} kernels") from None
