# SPDX-License-Identifier: Apache-2.0
"""Arrays from .npz files that others wrote."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from groat.errors import InputError
from groat.graph.ir import Array


def read_arrays(path: Path, needed: tuple[str, ...] = ()) -> dict[str, Array]:
    """All arrays of an .npz by name; InputError if it cannot be read, or one that is needed is missing."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, AttributeError, LookupError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} cannot be read as an .npz: {error}") from error
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise InputError(
            f"{path} has no {' and no '.join(missing)}; it has {', '.join(arrays) or 'nothing'}; "
            f"expected {', '.join(needed)}"
        )
    return arrays
