# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite Micro's reference kernels, the oracle for bit-exactness, through PyPI's tflite-micro.

The interpreter lives in a child process (`worker.py`), because a model that TFLM dislikes can abort or crash
the process it runs in: an arena far too small, a tensor index out of range, a softmax over more than 511
equal values.  That also keeps what it prints off the user's terminal: it goes into our error messages.
"""

from __future__ import annotations

import importlib.util
import itertools
import math
import subprocess
import sys
import tempfile
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from groat.errors import InputError, ModelError, RunnerError, ToolchainError
from groat.oracle import worker

Array = npt.NDArray[Any]

TIMEOUT_SECONDS = 300.0
ARENA_LIMIT_BYTES = 1 << 30
_LOG_TAIL_LINES = 6
_ARENA_BASE_BYTES = 64 << 10
_ARENA_BYTES_PER_RECORD = 1 << 10  # of TFLM's own bookkeeping for one op or tensor, generously
_ELEMENT_BYTES = 8  # the largest

_DTYPES: dict[int, str] = {
    tflite.TensorType.FLOAT32: "float32",
    tflite.TensorType.INT8: "int8",
    tflite.TensorType.UINT8: "uint8",
    tflite.TensorType.INT16: "int16",
    tflite.TensorType.INT32: "int32",
    tflite.TensorType.INT64: "int64",
    tflite.TensorType.BOOL: "bool",
}


def is_installed() -> bool:
    """Whether the package tflite-micro can be imported here."""
    return importlib.util.find_spec("tflite_micro") is not None


class Tflm:
    """One model in TFLM's interpreter, all of its tensors preserved.

    Attributes:
        arena_bytes: the size of the arena that was found to be large enough (far more than the model needs).
        inputs, outputs: (shape, dtype name) of each of the model's inputs and outputs, in its order.

    Raises:
        ToolchainError: the package tflite-micro is not installed.
        ModelError: the bytes are not a TFLite model, or TFLM refuses it; the message has TFLM's own words.
    """

    def __init__(self, model: bytes, name: str = "model") -> None:
        if not is_installed():
            raise ToolchainError(
                "the package tflite-micro, whose kernels are the oracle, is not installed; "
                "run: pip install --pre tflite-micro"
            )
        self._name = name
        self._model = model
        self._specs, inputs, outputs, self.arena_bytes = _describe(model, name)
        self.inputs = [self._specs[index] for index in inputs]
        self.outputs = [self._specs[index] for index in outputs]
        self._key = next(_keys)
        self._process = _shared_process()
        self._open()
        weakref.finalize(self, self._process.closed.append, self._key)

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """One inference.

        `inputs`: one array for each input of the model, of exactly its shape and dtype, else InputError.
        Returns one new array for each output.  RunnerError when the interpreter dies or exceeds its time.
        """
        return self._run(inputs, ())[0]

    def reset(self) -> None:
        """Forgets what runs have left in variables."""
        self._process.closed.append(self._key)
        self._key = next(_keys)
        self._process = _shared_process()
        self._open()
        weakref.finalize(self, self._process.closed.append, self._key)

    def tensors(self, inputs: Sequence[Array], indices: Sequence[int]) -> dict[int, Array]:
        """One inference, and the values of the tensors with these indices of the file after it.

        Intermediate tensors keep what their op left there.  InputError for an index out of range.
        """
        for index in indices:
            if not 0 <= index < len(self._specs):
                raise InputError(f"{self._name}: there is no tensor {index}; the file has {len(self._specs)}")
        return self._run(inputs, indices)[1]

    def _run(self, inputs: Sequence[Array], indices: Sequence[int]) -> tuple[list[Array], dict[int, Array]]:
        if len(inputs) != len(self.inputs):
            raise InputError(f"{self._name}: got {len(inputs)} inputs, expected {len(self.inputs)}")
        arrays = []
        for position, (array, (shape, dtype)) in enumerate(zip(inputs, self.inputs, strict=True)):
            if array.shape != shape or array.dtype != dtype:
                raise InputError(
                    f"{self._name}: input {position} is {array.dtype}{list(array.shape)}, expected {dtype}{list(shape)}"
                )
            arrays.append(np.ascontiguousarray(array))
        if not self._process.alive:
            self._process = _shared_process()
            self._open()
            weakref.finalize(self, self._process.closed.append, self._key)
        request = ("run", self._key, arrays, len(self.outputs), tuple(indices))
        status, result = self._process.ask(request, f"{self._name}: TFLM")
        if status != "ok":
            raise RunnerError(f"{self._name}: TFLM failed: {result}{self._process.log_tail()}")
        outputs, tensors = result
        return (
            [value.reshape(shape) for value, (shape, _) in zip(outputs, self.outputs, strict=True)],
            {index: value.reshape(self._specs[index][0]) for index, value in tensors.items()},
        )

    def _open(self) -> None:
        """Opens the interpreter, with ever larger arenas while a larger one may help."""
        while True:
            request = ("open", self._key, self._model, self.arena_bytes)
            try:
                status, result = self._process.ask(request, f"{self._name}: TFLM")
            except RunnerError as error:
                raise ModelError(str(error)) from error
            if status == "ok":
                return
            log = self._process.log_tail()
            if not _is_out_of_memory(log) or self.arena_bytes * 4 > ARENA_LIMIT_BYTES:
                raise ModelError(f"{self._name}: TFLM refuses this model: {result}{log}")
            self.arena_bytes *= 4


class _Process:
    """The worker process and its log.  One request at a time; callers may be in several threads.

    Attributes:
        closed: keys of interpreters that nobody needs any more.  The next request takes them along, because
            the garbage collector, which adds them, may run in the middle of a request.
    """

    def __init__(self) -> None:
        self.closed: deque[int] = deque()
        self._lock = threading.Lock()
        self._log = tempfile.TemporaryFile("ab+")  # noqa: SIM115 - lives as long as the process
        self._log_start = 0
        self._child = subprocess.Popen(
            [sys.executable, str(Path(worker.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        weakref.finalize(self, _kill, self._child)

    @property
    def alive(self) -> bool:
        return self._child.poll() is None

    def ask(self, request: tuple[Any, ...], who: str) -> tuple[str, Any]:
        """Sends a request and returns the reply; RunnerError when the process dies or takes too long."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        with self._lock:
            self._log_start = self._log.seek(0, 2)
            late = threading.Event()
            timer = threading.Timer(TIMEOUT_SECONDS, _kill_late, (self._child, late))
            timer.start()
            try:
                closed = [self.closed.popleft() for _ in range(len(self.closed))]
                worker.send(self._child.stdin, (closed, *request))
                reply: tuple[str, Any] = worker.receive(self._child.stdout)
            except (EOFError, BrokenPipeError) as error:
                code = self._child.wait()
                reason = (
                    f"did not answer within {TIMEOUT_SECONDS:g} s"
                    if late.is_set()
                    else f"ended its process with code {code}"
                )
                raise RunnerError(f"{who} {reason}{self.log_tail()}") from error
            finally:
                timer.cancel()
            return reply

    def log_tail(self) -> str:
        """The last lines that the latest request left in the log, each after a line break; empty for none."""
        self._log.seek(self._log_start)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return "".join(f"\n  {line}" for line in lines[-_LOG_TAIL_LINES:])


_keys = itertools.count()


@cache
def _process_slot() -> list[_Process]:
    return []


def _shared_process() -> _Process:
    """The worker that all models share (starting one takes a quarter second); a new one when it has died."""
    slot = _process_slot()
    if not slot or not slot[0].alive:
        slot[:] = [_Process()]
    return slot[0]


def _kill_late(child: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    child.kill()


def _is_out_of_memory(log: str) -> bool:
    return "missing:" in log or "too small" in log


def _kill(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()


Spec = tuple[tuple[int, ...], str]


def _describe(model: bytes, name: str) -> tuple[list[Spec], list[int], list[int], int]:
    """Shape and dtype name of every tensor, indices of inputs and outputs, and an arena size to start from."""
    try:
        root = tflite.Model.GetRootAs(model, 0)
        graph = root.Subgraphs(0)
        specs: list[Spec] = []
        computed_elements = 0
        for index in range(graph.TensorsLength()):
            tensor = graph.Tensors(index)
            shape = tuple(tensor.Shape(axis) for axis in range(tensor.ShapeLength()))
            specs.append((shape, _DTYPES.get(tensor.Type(), "unknown")))
            if root.Buffers(tensor.Buffer()).DataLength() == 0:
                computed_elements += math.prod(shape)
        inputs = [graph.Inputs(position) for position in range(graph.InputsLength())]
        outputs = [graph.Outputs(position) for position in range(graph.OutputsLength())]
        records = len(specs) + graph.OperatorsLength()
    except Exception as error:  # the flatbuffers package checks nothing and raises whatever it stumbles over
        raise ModelError(f"{name}: not a TFLite model: {type(error).__name__}: {error}") from error
    records_bytes = records * _ARENA_BYTES_PER_RECORD
    arena_bytes = _ARENA_BASE_BYTES + records_bytes + computed_elements * _ELEMENT_BYTES
    return specs, inputs, outputs, arena_bytes
