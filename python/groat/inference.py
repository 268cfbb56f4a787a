# SPDX-License-Identifier: Apache-2.0
"""Runs a packed model on arrays from files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from groat.compiler import write_file
from groat.errors import InputError
from groat.graph.ir import Array
from groat.inputs import lcg_inputs
from groat.progress import Progress, silent
from groat.runners import open_runner


def load_arrays(paths: Sequence[Path]) -> list[Array]:
    """The arrays of .npy files; InputError if one cannot be read."""
    arrays = []
    for path in paths:
        try:
            loaded = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{path}: cannot be read as a .npy file: {error}") from error
        if not isinstance(loaded, np.ndarray):
            raise InputError(f"{path}: holds several arrays; expected a .npy file with one")
        arrays.append(loaded)
    return arrays


def run_model(
    packed: bytes, on: str, inputs: Sequence[Array] | None = None, progress: Progress = silent, reset: bool = False
) -> dict[str, Array]:
    """One inference, or a batch if every array has one more dimension than its input.

    Args:
        inputs: an array for each input; None means the LCG input that figures are measured with.
        progress: as of groat.Runner.
        reset: of a batch, each inference begins a sequence; else they are the steps of one, if the model has variables.

    Returns output name -> array.  Raises as groat.Runner; InputError for arrays that do not fit.
    """
    with open_runner(on, packed, progress=progress) as runner:
        arrays = lcg_inputs(runner.model.inputs) if inputs is None else list(inputs)
        pairs = zip(arrays, runner.model.inputs, strict=False)
        batch = len(arrays) > 0 and all(array.ndim == len(info.shape) + 1 for array, info in pairs)
        outputs = runner.run_batch(arrays, reset) if batch else runner.run(arrays)
        names = [info.name or f"output {index}" for index, info in enumerate(runner.model.outputs)]
    if len(set(names)) != len(names):
        names = [f"{name} ({index})" for index, name in enumerate(names)]
    return dict(zip(names, outputs, strict=True))


def save_arrays(path: Path, arrays: dict[str, Array]) -> None:
    """Writes a .npz of all arrays, or a .npy of the only one; the file appears whole or not at all."""
    buffer = io.BytesIO()
    if path.suffix == ".npz":
        np.savez(buffer, allow_pickle=False, **{f"output{index}": array for index, array in enumerate(arrays.values())})
    elif path.suffix == ".npy" and len(arrays) == 1:
        np.save(buffer, next(iter(arrays.values())), allow_pickle=False)
    else:
        raise InputError(f"{path}: cannot hold {len(arrays)} outputs; expected a .npz, or a .npy for one output")
    write_file(path, buffer.getvalue())
