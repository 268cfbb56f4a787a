# SPDX-License-Identifier: Apache-2.0
"""Samples from .npz files, and as a packed model takes them.

A file has an array x (or x0, x1, ... of a model with several inputs), and y, the labels, where they are needed.  It may
have x_test and y_test beside them: those are what a model is judged by, the others what it is made from.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from groat.errors import InputError
from groat.graph.ir import Array, Tensor
from groat.ops.arithmetic import LIMITS
from groat.pack.reader import TensorInfo


@dataclass(frozen=True)
class Samples:
    """Samples.

    Attributes:
        inputs: [n, ...] for each input.
        y: labels [n], or targets [n, ...]; None if there are none.
        name: of the file, for errors.
    """

    inputs: tuple[Array, ...]
    y: Array | None
    name: str

    @property
    def count(self) -> int:
        return len(self.inputs[0])

    def first(self, count: int | None) -> Samples:
        """At most so many of them."""
        return Samples(
            tuple(array[:count] for array in self.inputs), None if self.y is None else self.y[:count], self.name
        )


def load_samples(path: str | os.PathLike[str], judging: bool = False) -> Samples:
    """Reads an .npz.

    Args:
        judging: x_test and y_test rather than x and y, if the file has them.

    Raises InputError if the file is none, has no inputs or no samples, or their numbers differ.
    """
    try:
        with np.load(Path(path), allow_pickle=False) as file:
            arrays: dict[str, Array] = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, AttributeError, LookupError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} cannot be read as an .npz: {error}") from error
    return pick_samples(arrays, str(path), judging)


def pick_samples(arrays: Mapping[str, Array], name: str, judging: bool = False) -> Samples:
    """As load_samples, from arrays by name."""
    suffix = "_test" if judging and any(key in arrays for key in ("x_test", "x0_test")) else ""
    if f"x{suffix}" in arrays:
        inputs = [arrays[f"x{suffix}"]]
    else:
        inputs = []
        while f"x{len(inputs)}{suffix}" in arrays:
            inputs.append(arrays[f"x{len(inputs)}{suffix}"])
    if not inputs:
        raise InputError(f"{name} has no array 'x' (nor 'x0'); it has {', '.join(arrays) or 'none'}")
    y = arrays.get(f"y{suffix}")
    counts = [array.shape[0] if array.ndim else 0 for array in (*inputs, *(() if y is None else (y,)))]
    if len(set(counts)) != 1:
        raise InputError(f"{name}: its arrays have {counts} samples; expected as many in each")
    if counts[0] == 0:
        shape = list(inputs[0].shape)
        raise InputError(f"{name} has no samples: x has shape {shape}; expected at least one sample")
    return Samples(tuple(inputs), y, name)


def inputs_for(samples: Samples, tensors: Sequence[Tensor | TensorInfo]) -> list[Array]:
    """The samples as a model takes them: [n, *shape], floats quantised where it takes integers.

    Raises InputError for another number of inputs, shapes or types that do not fit, values that are not finite.
    """
    if len(samples.inputs) != len(tensors):
        raise InputError(f"{samples.name} has {len(samples.inputs)} inputs; the model has {len(tensors)}")
    return [_as_input(samples.name, array, tensor) for array, tensor in zip(samples.inputs, tensors, strict=True)]


def _as_input(name: str, array: Array, tensor: Tensor | TensorInfo) -> Array:
    what = f"{name}: samples of input {tensor.name!r}"
    shapes = [tensor.shape, *([tensor.shape[1:]] if tensor.shape[:1] == (1,) else [])]
    if array.shape[1:] not in shapes:
        raise InputError(f"{what} have shape {list(array.shape)}; expected [samples, *{list(tensor.shape)}]")
    array = array.reshape(len(array), *tensor.shape)
    if str(array.dtype) == tensor.dtype and array.dtype.kind != "f":
        return array
    integers = tensor.dtype in LIMITS and (tensor.scale if isinstance(tensor, TensorInfo) else 1.0) > 0
    if array.dtype.kind != "f" or not (tensor.dtype == "float32" or integers):
        raise InputError(f"{what} are {array.dtype}; expected {tensor.dtype}{' or float32' if integers else ''}")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise InputError(f"{what} have values that are infinite, or no numbers")
    if tensor.dtype == "float32":
        return array
    steps = array.astype(np.float64) / tensor.scale
    stored = np.sign(steps) * np.floor(np.abs(steps) + 0.5) + tensor.zero_point
    return np.clip(stored, *LIMITS[tensor.dtype]).astype(tensor.dtype)


def reals(array: Array, tensor: Tensor | TensorInfo) -> Array:
    """What stored values stand for, float64; those without a scale stand for themselves."""
    scale = tensor.scale if isinstance(tensor, TensorInfo) or tensor.quantization is not None else 0.0
    if array.dtype.kind == "f" or not scale > 0:
        return array.astype(np.float64)
    return (array.astype(np.float64) - tensor.zero_point) * scale
