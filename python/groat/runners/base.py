# SPDX-License-Identifier: Apache-2.0
"""The one interface of everything that runs a packed model: this computer, an emulator, a board.

A runner moves bytes; this class turns arrays into bytes and back, and refuses what does not fit the model
before anything is sent.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from groat.errors import InputError
from groat.pack.reader import PackedModel, TensorInfo

Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Profile:
    """What one inference costs on a target, in executed instructions (not cycles) and bytes.

    Attributes:
        instructions: of groat_run.
        open_instructions: of groat_open.
        stack_bytes: peak stack of groat_run and all it calls.
        open_stack_bytes: the same of groat_open.
        firmware_stack_bytes: of all the firmware, what calls groat_open and groat_run included.
        step_instructions: of groat_run_step for each step; of a step of a stream, of making its rows.
        walk_instructions: of each stream, what it takes beside its rows: finding the next row, taking and giving those
            of inputs and outputs.  The sum of all steps and walks is a little more than `instructions`.
    """

    instructions: int
    open_instructions: int
    stack_bytes: int
    open_stack_bytes: int
    firmware_stack_bytes: int
    step_instructions: tuple[int, ...]
    walk_instructions: tuple[int, ...] = ()


class BaseRunner(ABC):
    """A packed model, opened somewhere.  A context manager: leaving it frees whatever runs the model.

    Calls on one runner must not overlap in time.

    Attributes:
        target: the name of the target.
        model: the packed model's inputs, outputs, tensors and steps.
    """

    target: str
    model: PackedModel

    # ---- What an implementation provides ---------------------------------------------------------------

    @abstractmethod
    def _run_frames(self, frames: Bytes) -> Bytes:
        """Runs n frames, at least one: (n, bytes of all inputs) in, (n, bytes of all outputs) out."""

    @abstractmethod
    def _set_inputs(self, frame: Bytes) -> None:
        """Sets all inputs of one frame without running."""

    @abstractmethod
    def _run_step(self, index: int) -> None:
        """Runs one step."""

    @abstractmethod
    def _tensor_bytes(self, tensor_id: int, count: int) -> bytes:
        """The `count` bytes of a tensor as they are now."""

    @abstractmethod
    def _select(self, program: int) -> None:
        """Chooses the program that is meant from now on."""

    @abstractmethod
    def _reset(self) -> None:
        """Gives all states their first contents."""

    @abstractmethod
    def _set_state(self, index: int, data: bytes) -> None:
        """Overwrites a state; `data` has its length."""

    @abstractmethod
    def profile(self, inputs: Sequence[Array]) -> Profile:
        """Measures one inference on inputs as `run` takes them; RunnerError where nothing can count."""

    @abstractmethod
    def close(self) -> None:
        """Frees whatever runs the model.  May be called again."""

    # ---- What all of them do ---------------------------------------------------------------------------

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """One inference: an array for each input, of exactly its shape and dtype; an array for each output.

        Raises:
            InputError: the number, shape or dtype of the arrays is not the model's.
            RunnerError: the device died or does not answer.
        """
        outputs = self._run_frames(self._pack(inputs, batch=False))
        return [array[0] for array in self._unpack(outputs)]

    def run_batch(self, inputs: Sequence[Array], reset: bool = False) -> list[Array]:
        """Many inferences: each array has one more, leading dimension n, and so have the results.

        Of a model with variables they are the steps of a sequence, which goes on from where the last call ended; with
        `reset` each of them begins a sequence of its own.

        Raises as `run`.
        """
        frames = self._pack(inputs, batch=True)
        if reset and self.model.has_variables and len(frames) > 0:
            return self._unpack(np.concatenate([self._run_afresh(frame) for frame in frames[:, np.newaxis]]))
        if len(frames) == 0:
            return self._unpack(np.empty((0, output_bytes(self.model)), np.uint8))
        return self._unpack(self._run_frames(frames))

    def _run_afresh(self, frame: Bytes) -> Bytes:
        self._reset()
        return self._run_frames(frame)

    def select(self, program: str) -> None:
        """Chooses the program that all calls mean from now on; at first it is the first, "infer".

        Raises InputError if the model has no program of that name.
        """
        model = self.model.select(program)
        if model.selected != self.model.selected:  # firmware with one program cannot choose
            self._select(model.selected)
        self.model = model

    def reset(self) -> None:
        """Gives all that the model keeps from run to run its first contents: the next run begins a sequence."""
        self._reset()

    def set_state(self, index: int, value: Array) -> None:
        """Overwrites one of model.states; InputError unless `value` has exactly its shape and dtype."""
        if not 0 <= index < len(self.model.states):
            raise InputError(f"state {index} does not exist: the model has {len(self.model.states)}")
        info = self.model.states[index].tensor
        if value.shape != tuple(info.shape) or value.dtype != _dtype(info):
            raise InputError(
                f"state {index} ({info.name!r}): expected {_dtype(info)}{list(info.shape)}, "
                f"found {value.dtype}{list(value.shape)}"
            )
        self._set_state(index, np.ascontiguousarray(value).tobytes())

    def parameters(self) -> dict[str, Array]:
        """Name -> value of each trained parameter as it is now, of its shape and dtype; empty if none is trained."""
        return {
            name: self.tensor(self.model.states[index].tensor.tensor_id) for name, index in self.model.trained.items()
        }

    def set_parameters(self, parameters: Mapping[str, Array]) -> None:
        """Overwrites all trained parameters; what an optimizer remembers stays.

        Float types are converted.  InputError unless `parameters` has exactly the model's names and shapes, and values
        that are finite and fit; then nothing was written.
        """
        require_names("the parameters", parameters, self.model)
        values = {}
        for name, index in self.model.trained.items():
            info = self.model.states[index].tensor
            values[index] = cast(f"parameter {name!r}", parameters[name], info.shape, _dtype(info))
        for index, value in values.items():
            self.set_state(index, value)

    def run_step(self, index: int) -> None:
        """Runs one step of the program on what lies in the arena; InputError if there is no such step."""
        if not 0 <= index < len(self.model.steps):
            raise InputError(f"step {index} does not exist: the model has {len(self.model.steps)}")
        self._run_step(index)

    def tensor(self, tensor_id: int) -> Array:
        """A copy of a tensor; it holds what its writer wrote only until the last step that reads it."""
        if not 0 <= tensor_id < len(self.model.tensors):
            raise InputError(f"tensor {tensor_id} does not exist: the model has {len(self.model.tensors)}")
        info = self.model.tensors[tensor_id]
        if info.by_rows:
            raise InputError(f"tensor {tensor_id} is streamed: there is memory for some of its rows only")
        data = self._tensor_bytes(tensor_id, bytes_of(info))
        return np.frombuffer(data, _dtype(info)).reshape(info.shape).copy()

    def trace(self, inputs: Sequence[Array]) -> Iterator[tuple[int, list[Array]]]:
        """Runs step by step and yields (step index, its outputs) after each.  Inputs and errors as `run`.

        Steps of a stream run together; those whose outputs have no memory of their own are passed over.
        """
        self._set_inputs(self._pack(inputs, batch=False)[0])
        for index, step in enumerate(self.model.steps):
            self._run_step(index)
            if any(self.model.tensors[tensor_id].by_rows for tensor_id in step.outputs):
                continue
            yield index, [self.tensor(tensor_id) for tensor_id in step.outputs]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- Arrays and bytes ------------------------------------------------------------------------------

    def _pack(self, inputs: Sequence[Array], batch: bool) -> Bytes:
        """The bytes of all inputs side by side, a row for each frame; InputError if an array does not fit."""
        expected = self.model.inputs
        if isinstance(inputs, np.ndarray) or len(inputs) != len(expected):
            names = ", ".join(repr(info.name) for info in expected)
            given = "an array" if isinstance(inputs, np.ndarray) else f"{len(inputs)}"
            raise InputError(f"expected a sequence of {len(expected)} input arrays ({names}), found {given}")
        frames = 1
        for index, (array, info) in enumerate(zip(inputs, expected, strict=True)):
            what = f"input {index} ({info.name!r})"
            if not isinstance(array, np.ndarray) or array.dtype != _dtype(info):
                found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
                raise InputError(f"{what}: expected dtype {_dtype(info)}, found {found}")
            if batch and index == 0 and array.ndim > 0:
                frames = array.shape[0]
            shape = (frames, *info.shape) if batch else tuple(info.shape)
            if array.shape != shape:
                raise InputError(f"{what}: expected shape {shape}, found {array.shape}")
        columns = [
            np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8).reshape(frames, bytes_of(info))
            for array, info in zip(inputs, expected, strict=True)
        ]
        return columns[0] if len(columns) == 1 else np.concatenate(columns, axis=1)

    def _unpack(self, frames: Bytes) -> list[Array]:
        """An array for each output from rows of the bytes of all of them."""
        arrays: list[Array] = []
        offset = 0
        for info in self.model.outputs:
            column = frames[:, offset : offset + bytes_of(info)].tobytes()
            arrays.append(np.frombuffer(column, _dtype(info)).reshape(len(frames), *info.shape).copy())
            offset += bytes_of(info)
        return arrays


def output_bytes(model: PackedModel) -> int:
    """Bytes of all outputs of one frame."""
    return sum(bytes_of(info) for info in model.outputs)


def _dtype(info: TensorInfo) -> np.dtype[Any]:
    return np.dtype(info.dtype)


def bytes_of(info: TensorInfo) -> int:
    """Bytes of a tensor's elements."""
    return math.prod(info.shape) * _dtype(info).itemsize


def cast(what: str, value: Array, shape: Sequence[int], dtype: npt.DTypeLike) -> Array:
    """`value` as another float type, or as it is.

    InputError for another shape, a type that is not a float's, numbers that are not finite or do not fit.
    """
    found, wanted = np.asarray(value), np.dtype(dtype)
    floats = found.dtype.kind == "f" and wanted.kind == "f"
    if found.shape != tuple(shape) or not (floats or found.dtype == wanted):
        raise InputError(f"{what}: expected {wanted}{list(shape)}, found {found.dtype}{list(found.shape)}")
    with np.errstate(over="ignore"):
        result = found.astype(wanted)
    if floats and not np.isfinite(result).all():
        raise InputError(f"{what} has a value that is not a finite number in {wanted}")
    return result


def require_names(what: str, names: Iterable[str], model: PackedModel) -> None:
    """InputError unless these are the names of the parameters that a model trains."""
    given, trained = list(names), model.trained
    wrong = [f"no {name!r}" for name in trained if name not in given]
    wrong += [f"{name!r}, which the model does not train" for name in given if name not in trained]
    if wrong:
        expected = ", ".join(map(repr, trained)) or "none"
        raise InputError(f"{what} do not fit the model: found {'; '.join(wrong)}; expected {expected}")
