# SPDX-License-Identifier: Apache-2.0
"""Groat runs int8 neural networks on microcontrollers.

import groat

compiled = groat.compile("model.tflite", target="cortex-m4")
y = compiled.run(x)                              # on this computer
with compiled.on("qemu:cortex-m4") as device:    # on an emulated microcontroller: the same bytes
    y = device.run(x)
compiled.save("model.groat")
"""

from __future__ import annotations

from groat import kernels
from groat.compiler import Compiled, Model, load, with_states
from groat.compiler import compile_model as compile
from groat.errors import (
    FitError,
    GroatError,
    InputError,
    MismatchError,
    ModelError,
    RunnerError,
    ToolchainError,
    UnsupportedError,
)
from groat.quantization import Budget, Quantization, Quantized
from groat.quantization import quantize_model as quantize
from groat.runners import BaseRunner, Profile
from groat.runners import open_runner as Runner  # noqa: N812
from groat.train.options import Train

__version__ = "0.1.0"

__all__ = [
    "BaseRunner",
    "Budget",
    "Compiled",
    "FitError",
    "GroatError",
    "InputError",
    "MismatchError",
    "Model",
    "ModelError",
    "Profile",
    "Quantization",
    "Quantized",
    "Runner",
    "RunnerError",
    "ToolchainError",
    "Train",
    "UnsupportedError",
    "compile",
    "kernels",
    "load",
    "quantize",
    "with_states",
]
