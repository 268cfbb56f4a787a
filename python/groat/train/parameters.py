# SPDX-License-Identifier: Apache-2.0
"""Trained parameters outside of a device: read out, written back, kept in files."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from groat.compiler import write_file
from groat.errors import InputError
from groat.graph.ir import Array
from groat.pack.reader import PackedModel, StateInfo
from groat.runners.base import BaseRunner

_IDENTITY = "groat.model"  # name of the array in a file that says whose parameters they are


def read_parameters(runner: BaseRunner) -> dict[str, Array]:
    """Name -> value of each trained parameter, as it is now; empty for a model that is not trained."""
    names = names_of(runner.model)
    return {name: runner.tensor(state.tensor.tensor_id) for name, (_, state) in names.items()}


def write_parameters(runner: BaseRunner, parameters: Mapping[str, Array]) -> None:
    """Overwrites all trained parameters; what an optimizer remembers stays.

    Float types are converted.  InputError unless `parameters` has exactly the model's names and shapes, and values that
    are finite and fit; then nothing was written.
    """
    names = names_of(runner.model)
    _same_names("the parameters", parameters, list(names))
    values = {
        name: cast_to(f"parameter {name!r}", parameters[name], state.tensor.shape, state.tensor.dtype)
        for name, (_, state) in names.items()
    }
    for name, (index, _) in names.items():
        runner.set_state(index, values[name])


def save_parameters(path: str | os.PathLike[str], model: PackedModel, parameters: Mapping[str, Array]) -> None:
    """Writes a .npz with the arrays by name and the hash of the model that they belong to.

    The file appears whole or not at all.  InputError unless `parameters` has the model's names.
    """
    _same_names("the parameters", parameters, list(names_of(model)))
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{_IDENTITY: np.str_(model.source_hash.hex())}, **parameters)
    write_file(Path(path), buffer.getvalue())


def load_parameters(path: str | os.PathLike[str], model: PackedModel) -> dict[str, Array]:
    """Reads what `save_parameters` wrote; InputError if it is not such a file, or of another model."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError, AttributeError) as error:
        raise InputError(f"{path}: cannot be read as a .npz file of parameters: {error}") from error
    found, expected = str(arrays.pop(_IDENTITY, "none")), model.source_hash.hex()
    if found != expected:
        raise InputError(
            f"{path}: holds parameters of another model: its hash is {found}, expected {expected}; use the file with the "
            "model that it was saved from"
        )
    _same_names(str(path), arrays, list(names_of(model)))
    return arrays


def names_of(model: PackedModel) -> dict[str, tuple[int, StateInfo]]:
    """Name -> index in model.states, and the state, of each trained parameter.

    A name that several have, or none, gets its index behind it.
    """
    trained = [(index, state) for index, state in enumerate(model.states) if state.trained]
    counts = Counter(state.tensor.name for _, state in trained)
    return {
        state.tensor.name if state.tensor.name and counts[state.tensor.name] == 1 else f"{state.tensor.name}#{index}": (
            index,
            state,
        )
        for index, state in trained
    }


def cast_to(what: str, value: Array, shape: Sequence[int], dtype: str) -> Array:
    """`value` as another float type, or as it is; InputError for another shape, a type that is not kept, numbers that are
    not finite or do not fit."""
    found = np.asarray(value)
    is_float = found.dtype.kind == "f" and np.dtype(dtype).kind == "f"
    if found.shape != tuple(shape) or not (is_float or found.dtype == np.dtype(dtype)):
        raise InputError(f"{what}: expected {dtype}{list(shape)}, found {found.dtype}{list(found.shape)}")
    with np.errstate(over="ignore"):
        cast = found.astype(dtype)
    if is_float and not np.isfinite(cast).all():
        raise InputError(f"{what} has a value that is not finite in {dtype}")
    return cast


def _same_names(what: str, parameters: Mapping[str, Array], names: Sequence[str]) -> None:
    missing = [name for name in names if name not in parameters]
    unknown = [name for name in parameters if name not in names]
    if missing or unknown:
        parts = [f"no {name!r}" for name in missing] + [f"{name!r}, which the model does not train" for name in unknown]
        raise InputError(
            f"{what} do not fit: found {', '.join(parts)}; expected {', '.join(map(repr, names)) or 'none'}"
        )
