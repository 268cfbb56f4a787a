# SPDX-License-Identifier: Apache-2.0
"""The packed format: writing it, reading it back, and the structs that both fill through cffi."""

from groat.pack.reader import PackedModel, StepInfo, TensorInfo, read
from groat.pack.writer import PackedStep, PackedSteps, Scratch, pack_steps, write

__all__ = [
    "PackedModel",
    "PackedStep",
    "PackedSteps",
    "Scratch",
    "StepInfo",
    "TensorInfo",
    "pack_steps",
    "read",
    "write",
]
