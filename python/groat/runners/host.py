# SPDX-License-Identifier: Apache-2.0
"""Runs packed models in this process, with the very runtime that devices run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groat.errors import ModelError, RunnerError
from groat.isa import core
from groat.pack import reader
from groat.runners.base import Array, BaseRunner, Bytes, Profile, bytes_of


class HostRunner(BaseRunner):
    """The host runtime.  Raises ModelError if it refuses the model."""

    def __init__(self, packed: bytes) -> None:
        self.target = "host"
        self.model = reader.read(packed)
        module = core(self.model.packing)
        try:
            self._core = module.Model(packed)
        except module.StatusError as error:
            raise ModelError(f"the host runtime refuses the model: {error}") from error

    def _run_frames(self, frames: Bytes) -> Bytes:
        columns, offset = [], 0
        for info in self.model.inputs:
            columns.append(np.ascontiguousarray(frames[:, offset : offset + bytes_of(info)]))
            offset += bytes_of(info)
        outputs = self._core.run_batch(columns)
        arrays = [np.frombuffer(data, np.uint8).reshape(len(frames), -1) for data in outputs]
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=1)

    def _set_inputs(self, frame: Bytes) -> None:
        offset = 0
        for index, info in enumerate(self.model.inputs):
            self._core.set_input(index, frame[offset : offset + bytes_of(info)].tobytes())
            offset += bytes_of(info)

    def _run_step(self, index: int) -> None:
        self._core.run_step(index)

    def _tensor_bytes(self, tensor_id: int, count: int) -> bytes:
        return bytes(self._core.tensor(tensor_id)[:count])

    def _select(self, program: int) -> None:
        self._core.select(program)

    def _reset(self) -> None:
        self._core.reset()

    def _set_state(self, index: int, data: bytes) -> None:
        self._core.set_state(index, data)

    def profile(self, inputs: Sequence[Array]) -> Profile:
        raise RunnerError("the host does not count instructions; profile on a device, for example qemu:cortex-m4")

    def close(self) -> None:
        """Nothing to free: the model goes with this object."""
