# SPDX-License-Identifier: Apache-2.0
"""Files of trained parameters: a .npz with the arrays by name, and whose they are."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from groat.compiler import write_file
from groat.errors import InputError
from groat.graph.ir import Array
from groat.ops.bfp import exponent_of, values_of
from groat.pack.reader import PackedModel
from groat.passes.to_bfp16 import EXPONENT_OF
from groat.runners.base import require_names

_MODEL = "groat.model"  # the array of a file that holds the hash of the imported model


def save_parameters(path: str | os.PathLike[str], model: PackedModel, parameters: Mapping[str, Array]) -> None:
    """Writes what `parameters()` of a runner gave; the file appears whole or not at all.

    Raises InputError unless `parameters` has the names that the model trains.
    """
    require_names("the parameters", parameters, model)
    buffer = io.BytesIO()
    arrays = {**parameters, _MODEL: np.array(model.source_hash.hex())}
    np.savez(buffer, allow_pickle=False, **arrays)
    write_file(Path(path), buffer.getvalue())


def as_floats(parameters: Mapping[str, Array]) -> dict[str, Array]:
    """Parameters as `parameters()` gives them, those of block floating point (dtype int16) as float32: each with the
    exponent that goes by its name."""
    found = {}
    for name, value in parameters.items():
        exponent = parameters.get(name + EXPONENT_OF)
        if exponent is not None:
            found[name] = values_of(value, exponent_of(exponent))
        elif not (name.endswith(EXPONENT_OF) and name.removesuffix(EXPONENT_OF) in parameters):
            found[name] = value
    return found


def load_parameters(path: str | os.PathLike[str], model: PackedModel) -> dict[str, Array]:
    """Reads what `save_parameters` wrote, for `set_parameters` of a runner.

    Raises InputError if it cannot be read, is no such file, or is one of another model.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: cannot be read as a .npz file of parameters: {error}") from error
    if _MODEL not in arrays:
        raise InputError(f"{path}: does not say which model it is of; expected a file of save_parameters")
    found, expected = str(arrays.pop(_MODEL)), model.source_hash.hex()
    if found != expected:
        raise InputError(
            f"{path}: holds parameters of another model: its hash is {found}, expected {expected}; "
            "use the file with the model that it was saved from"
        )
    require_names(f"{path}: its parameters", arrays, model)
    return arrays
