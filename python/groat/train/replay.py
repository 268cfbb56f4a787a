# SPDX-License-Identifier: Apache-2.0
"""A latent replay buffer: activations of earlier samples at the point up to which a network is frozen, as int8.

The buffer is that of devices (runtime/include/groat/replay.h), the same to the byte: what Python has filled, a device
can go on with, and the other way round.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from groat import _core
from groat.errors import InputError
from groat.graph.ir import Array
from groat.pack.structs import constants

Policy = Literal["fill", "ring", "reservoir"]
POLICIES: tuple[Policy, ...] = ("fill", "ring", "reservoir")  # in the order of enum groat_replay_policy
_DTYPES = {name: int(getattr(constants(), f"GROAT_{name.upper()}")) for name in ("float32", "float16", "int8")}


class Replay:
    """Samples and their labels, of which some are kept when there is no more room.

    Policies: "fill" refuses further samples when it is full; "ring" forgets the oldest; "reservoir" keeps each sample
    that was ever added with the same probability (Vitter, "Random sampling with a reservoir", 1985).

    Attributes:
        shape: of one sample.
    """

    def __init__(
        self,
        shape: Sequence[int],
        capacity: int,
        policy: Policy = "reservoir",
        *,
        scale: float,
        zero_point: int = 0,
        seed: int = 0,
    ) -> None:
        """An empty buffer.

        Args:
            shape: of one sample, for example (8, 8, 16).
            capacity: samples that it holds.
            scale, zero_point: how real numbers are kept: real = scale * (int8 - zero_point).
            seed: of the generator; 0 to 2^32 - 1.

        Raises:
            InputError: sizes that are not positive or 4 GiB in all, an unknown policy, a scale that is not positive and
                finite, a zero point that is no int8.
        """
        if policy not in POLICIES:
            raise InputError(f"replay policy {policy!r} is unknown; expected one of {', '.join(POLICIES)}")
        self.shape = tuple(shape)
        try:
            self._buffer = _core.ReplayBuffer(
                math.prod(self.shape), capacity, POLICIES.index(policy), seed, scale, zero_point
            )
        except (TypeError, ValueError) as error:
            raise InputError(
                f"a replay buffer of {capacity} samples of shape {self.shape} with scale {scale}, zero point "
                f"{zero_point} and seed {seed} cannot be made: {error}"
            ) from error

    @classmethod
    def from_bytes(cls, memory: bytes, shape: Sequence[int]) -> Self:
        """The buffer that `to_bytes` gave, or that a device has.

        Raises InputError if the bytes are none, or not of samples of this shape.
        """
        self = cls.__new__(cls)
        self.shape = tuple(shape)
        try:
            self._buffer = _core.ReplayBuffer(memory)
        except ValueError as error:
            raise InputError(f"these {len(memory)} bytes cannot be opened as a replay buffer: {error}") from error
        if self._buffer.elements != math.prod(self.shape):
            raise InputError(
                f"the replay buffer has samples of {self._buffer.elements} elements; expected shape {self.shape}"
            )
        return self

    def to_bytes(self) -> bytes:
        """All of it, the generator's state included."""
        return self._buffer.memory()

    def __len__(self) -> int:
        return self._buffer.count

    @property
    def full(self) -> bool:
        """Whether it refuses further samples: it has as many as it holds, and its policy is "fill"."""
        return self._buffer.full

    def add(self, sample: ArrayLike, label: int) -> None:
        """Offers a sample: float32 or float16, which are rounded half away from zero and saturate, or int8 as kept.

        Raises InputError for another shape or dtype, values that are not finite, a label that is no int32, and where
        the buffer is full and its policy is "fill"; then nothing has changed.
        """
        array = np.asarray(sample)
        if array.shape != self.shape or array.dtype.name not in _DTYPES:
            raise InputError(
                f"a sample has shape {array.shape} and dtype {array.dtype}; expected {self.shape} and one of "
                f"{', '.join(_DTYPES)}"
            )
        try:
            self._buffer.add(np.ascontiguousarray(array), _DTYPES[array.dtype.name], label)
        except (TypeError, ValueError) as error:
            raise InputError(f"sample with label {label} cannot be added: {error}") from error

    def get(self, index: int, dtype: str = "float32") -> tuple[Array, int]:
        """A sample as float32, float16 or int8, and its label.

        Of a ring, and of any buffer that is not full yet, sample 0 is the oldest.
        Raises InputError if there is no such sample or dtype.
        """
        if dtype not in _DTYPES:
            raise InputError(f"samples have no dtype {dtype!r}; expected one of {', '.join(_DTYPES)}")
        if not 0 <= index < len(self):
            raise InputError(f"sample {index} does not exist: the buffer has {len(self)}")
        data, label = self._buffer.get(index, _DTYPES[dtype])
        return np.frombuffer(data, dtype).reshape(self.shape), label

    def draw(self) -> int:
        """The index of a sample, each with the same probability; InputError if there are none."""
        try:
            return self._buffer.draw()
        except ValueError as error:
            raise InputError(f"nothing can be drawn: {error}") from error
