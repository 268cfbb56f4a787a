# SPDX-License-Identifier: Apache-2.0
"""The extension module: the C runtime on this host, its tables, and the layout of packed models.

Every binding is thin; the meaning of a call is written in runtime/include/groat/groat.h.
"""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

# NumPy declares its arrays as buffers from Python 3.12 on only.
_Bytes = Buffer | NDArray[Any]

_TensorInfo = tuple[str, int, tuple[int, ...], float, int]
"""(name, dtype code of format.h, shape, scale or 0.0, zero_point)."""

def format_cdef() -> str:
    """The enums and structs of format.h, preprocessed for ``cffi.FFI().cdef()``."""

def struct_sizes() -> dict[str, int]:
    """Bytes of each packed struct (``groat_header``, ``groat_lut_params``, …) as C lays it out."""

def op_table() -> list[tuple[int, str, str, bool, bool, bool]]:
    """The rows of ops.def: (id, ``"CONV_2D"``, ``"conv_2d"``, whether the output may replace an input)."""

def status_table() -> list[tuple[str, int, str]]:
    """The rows of status.def: (``"E_CRC"``, code, text)."""

def scratch_bytes(op_id: int, params: bytes, pixels: int = 0, reach: int = 0) -> int:
    """Bytes of scratch that an op wants for these parameters, the bytes of its C struct.

    The parameters must be ones that the op's check accepts. Raises ValueError for an unknown op or a wrong
    length.
    """

REACHES: tuple[int, int, int]
"""How the rows of an input may lie for windows over it: enum groat_reach, padded, bare and in pieces."""
STREAM_LINES_MAX: int
STREAM_WORK_MAX: int
"""The most lines of a stream."""
STREAM_STATE_BYTES: int
"""What a stream's state takes for each of its lines."""

def walk_stream(
    lines: Sequence[tuple[int, ...]], reads: Sequence[tuple[int, ...]], images: Sequence[tuple[int, ...]]
) -> tuple[list[int], list[int]]:
    """Walks a stream as the runtime will.

    Args:
        lines, reads, images: the fields of ``groat_walk_line``, ``_read`` and ``_image`` of bindings/stream_walk.h.

    Returns the slots of each line, and [lines * images] how many bytes before an image the tensor of a line must start
    to lie over it.  Raises ValueError for numbers of lines or images that do not exist.
    """

class StatusError(ValueError):
    """The C runtime refused a packed model."""

    code: int
    """The negative status."""
    name: str
    """Its name in status.def, such as ``"E_CRC"``."""

class Model:
    """A packed model, opened on this host with an arena of its own.

    Calls must not overlap in time: one that comes while another thread runs the model raises RuntimeError.
    An index that is out of range raises IndexError.
    """

    def __init__(self, data: _Bytes) -> None:
        """Copies the packed model, checks its checksum and opens it. Raises StatusError if it is refused."""

    @property
    def input_count(self) -> int: ...
    @property
    def output_count(self) -> int: ...
    @property
    def step_count(self) -> int: ...
    @property
    def arena_bytes(self) -> int: ...
    def input_info(self, index: int) -> _TensorInfo: ...
    def output_info(self, index: int) -> _TensorInfo: ...
    def tensor_info(self, id: int) -> _TensorInfo: ...
    def set_input(self, index: int, data: _Bytes) -> None:
        """Copies a contiguous buffer into an input. Raises ValueError unless it is exactly as long."""

    def get_output(self, index: int) -> bytes:
        """A copy of an output; valid after a run."""

    def select(self, program: int) -> None:
        """Chooses the program that all calls mean from now on."""

    def reset(self) -> None:
        """Gives all states their first contents."""

    def set_state(self, index: int, data: _Bytes) -> None:
        """Copies a contiguous buffer into a state. Raises ValueError unless it is exactly as long."""

    def run(self) -> None:
        """Runs the program once. Set all inputs before: a run may overwrite them."""

    def run_step(self, index: int) -> None:
        """Runs one step of the program; all steps in order are the same as one ``run()``."""

    def tensor(self, id: int) -> bytes:
        """A copy of what a tensor's memory holds now: its elements, while the tensor is alive."""

    def run_batch(self, inputs: Sequence[NDArray[np.uint8]]) -> list[bytes]:
        """Runs the program n times, with the GIL released.

        ``inputs`` holds one contiguous uint8 array [n, input bytes] for each input; the result holds
        n * output bytes for each output. Raises ValueError or BufferError for anything else.
        """

    @staticmethod
    def crc_status(data: _Bytes) -> int:
        """What ``groat_check_crc`` returns for these bytes."""

    @staticmethod
    def open_status(data: _Bytes, *region_bytes: int) -> int:
        """What ``groat_open_regions`` returns for these bytes and memories of these sizes."""

class ReplayBuffer:
    """A latent replay buffer of runtime/include/groat/replay.h; dtypes are codes of format.h."""

    @overload
    def __init__(self, elements: int, capacity: int, policy: int, seed: int, scale: float, zero_point: int) -> None: ...
    @overload
    def __init__(self, memory: _Bytes) -> None:
        """The buffer that ``memory()`` gave. Raises StatusError if the bytes are none."""

    def memory(self) -> bytes: ...
    @property
    def count(self) -> int: ...
    @property
    def full(self) -> bool:
        """Whether it refuses further samples."""

    @property
    def elements(self) -> int: ...
    def add(self, data: _Bytes, dtype: int, label: int) -> None:
        """Offers a sample. Raises ValueError for a wrong length, StatusError as ``groat_replay_add``."""

    def get(self, index: int, dtype: int) -> tuple[bytes, int]:
        """A sample and its label. Raises IndexError."""

    def draw(self) -> int:
        """The index of a sample, each with the same probability. Raises StatusError if there are none."""
