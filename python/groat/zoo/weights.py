# SPDX-License-Identifier: Apache-2.0
"""Weights in files: state dicts, and what a model was trained with in short.

An .npz has an array for each parameter and buffer, float16, and three more: `classes`, their names; `inputs.mean`, the
mean of the samples that were learnt from, and `inputs.components`, the directions in which these differ most, each as
long as they differ along it.  Of the last two, stand-ins for samples are drawn where there is no data.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from groat.compiler import write_file
from groat.errors import InputError
from groat.graph.ir import Array
from groat.zoo.arrays import read_arrays

COMPONENTS = 16
MOST = 4000  # samples that the components are computed from


@dataclass(frozen=True)
class Weights:
    """What a file has.

    Attributes:
        state: name -> values, as Module.state_dict.
        classes: names; None if the file does not say.
        inputs: mean [*shape] and components [k, *shape] of the samples; None if the file does not say.
        name: of the file, for messages.
    """

    state: dict[str, Array]
    classes: tuple[str, ...] | None
    inputs: tuple[Array, Array] | None
    name: str

    def into(self, module: nn.Module) -> None:
        """Gives a module these values; InputError if names or shapes are not the module's."""
        own = {name: tuple(value.shape) for name, value in module.state_dict().items() if value.is_floating_point()}
        found = {name: value.shape for name, value in self.state.items()}
        problems = [
            *(f"{name} is missing" for name in own if name not in found),
            *(f"{name} is none of the network's" for name in found if name not in own),
            *(
                f"{name} has shape {list(found[name])}; expected {list(shape)}"
                for name, shape in own.items()
                if name in found and found[name] != shape
            ),
            *(
                f"{name} has values that are no finite numbers"
                for name, v in self.state.items()
                if not np.isfinite(v).all()
            ),
        ]
        if problems:
            more = f"; and {len(problems) - 4} more" if len(problems) > 4 else ""
            raise InputError(f"{self.name} does not fit the network: {'; '.join(problems[:4])}{more}")
        values = {name: torch.from_numpy(value.astype(np.float32)) for name, value in self.state.items()}
        module.load_state_dict(values, strict=False)


def read_weights(path: Path) -> Weights:
    """An .npz as `save_weights` writes it, or a state dict that torch.save wrote.  Raises InputError."""
    if path.suffix == ".npz":
        arrays = read_arrays(path)
        classes = arrays.pop("classes", None)
        mean, components = arrays.pop("inputs.mean", None), arrays.pop("inputs.components", None)
        names = None if classes is None else tuple(str(name) for name in classes.reshape(-1))
        inputs = None if mean is None or components is None else (mean, components)
        return Weights(_numbers(path, arrays), names, inputs, path.name)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError, ValueError) as error:
        raise InputError(
            f"{path} is no state dict that torch.save wrote: {' '.join(str(error).split())[:200]}"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(
            f"{path} is no state dict; expected names with a tensor each: torch.save(module.state_dict(), …)"
        )
    arrays = {str(name): value.numpy() for name, value in state.items() if value.is_floating_point()}
    return Weights(_numbers(path, arrays), None, None, path.name)


def _numbers(path: Path, arrays: dict[str, Array]) -> dict[str, Array]:
    for name, value in arrays.items():
        if value.dtype.kind != "f":
            raise InputError(f"{path}: {name} is {value.dtype}; expected floats")
    return arrays


def committed(name: str) -> Weights | None:
    """Those that come with the package, if there are some."""
    file = files("groat.zoo") / "weights" / f"{name}.npz"
    return read_weights(Path(str(file))) if file.is_file() else None


def save_weights(path: Path, module: nn.Module, classes: tuple[str, ...], x: Array) -> None:
    """Writes an .npz; the same content gives the same bytes.

    Args:
        x: the samples that were learnt from, [n, *shape].
    """
    state = {name: value.numpy() for name, value in module.state_dict().items() if value.is_floating_point()}
    mean, components = described(x)
    arrays = {**state, "inputs.mean": mean, "inputs.components": components}
    buffer = io.BytesIO()
    halves = {name: value.astype(np.float16) for name, value in arrays.items()}
    np.savez_compressed(buffer, allow_pickle=False, **halves, classes=np.array(classes, dtype=np.str_))
    write_file(path, buffer.getvalue())


def described(x: Array) -> tuple[Array, Array]:
    """Mean [*shape] and components [k, *shape] of samples [n, *shape]."""
    flat = x[:: -(-len(x) // MOST)].reshape(-1, x[0].size).astype(np.float64)
    mean = flat.mean(axis=0)
    _, lengths, directions = np.linalg.svd(flat - mean, full_matrices=False)
    kept = min(COMPONENTS, len(lengths))
    scaled = directions[:kept] * lengths[:kept, np.newaxis] / np.sqrt(len(flat))
    return mean.reshape(x.shape[1:]), scaled.reshape(kept, *x.shape[1:])


def stand_ins(weights: Weights | None, shape: tuple[int, ...], count: int, seed: int) -> Array:
    """float32 [n, *shape]: of the described inputs, or noise: normal, of mean 0.5 and deviation 0.25."""
    draw = np.random.default_rng(seed)
    if weights is None or weights.inputs is None:
        return draw.normal(0.5, 0.25, (count, *shape)).astype(np.float32)
    mean, components = (array.astype(np.float64) for array in weights.inputs)
    if mean.shape != shape or components.shape[1:] != shape:
        raise InputError(f"{weights.name}: it describes inputs {list(mean.shape)}; expected {list(shape)}")
    return (mean + np.tensordot(draw.normal(size=(count, len(components))), components, 1)).astype(np.float32)
