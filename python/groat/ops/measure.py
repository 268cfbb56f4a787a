# SPDX-License-Identifier: Apache-2.0
"""What a kernel costs on a device: `groat.kernels.measure` calls a function of groat.kernels and counts.

measured = groat.kernels.measure(groat.kernels.conv2d, x, weights, …, on="qemu:cortex-m55")
measured.output, measured.instructions, measured.instructions_per_mac
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import ParamSpec

from groat.errors import InputError
from groat.graph.ir import Array

P = ParamSpec("P")


@dataclass(frozen=True, eq=False)
class Measurement:
    """What a function of groat.kernels returned, and what it cost on the device.

    Attributes:
        output: the function's result.
        instructions: executed ones, of the layer alone: what `groat profile` says of it.  Exact and repeatable, not
            cycles.
        macs: nominal multiply-accumulates; 0 for functions without weights.
        scratch_bytes: what the layer takes of the arena beside its tensors.
        constants_bytes: weights, other constants and parameters, as packed for that kernel set.
    """

    output: Array
    instructions: int
    macs: int
    scratch_bytes: int
    constants_bytes: int

    @property
    def instructions_per_mac(self) -> float | None:
        """None for functions without weights."""
        return self.instructions / self.macs if self.macs else None

    @property
    def instructions_per_element(self) -> float:
        """Of the output."""
        return self.instructions / self.output.size


@dataclass
class Meter:
    """Adds up what the ops cost that are run while it is set."""

    calls: int = 0
    instructions: int = 0
    macs: int = 0
    scratch_bytes: int = 0
    constants_bytes: int = 0


METER: ContextVar[Meter | None] = ContextVar("groat_meter", default=None)
"""Set while `measure` calls a function; groat.ops.call fills it in."""


def measure(function: Callable[P, Array], *arguments: P.args, **options: P.kwargs) -> Measurement:
    """Calls a function of groat.kernels on a device and counts its instructions.

    Args:
        function: for example groat.kernels.conv2d; of a function of your own that calls several, the sum is counted.
        arguments, options: those of the function; `on` names a device such as "qemu:cortex-m4".

    Raises InputError if it runs where instructions are not counted, such as the host, and as the function.
    """
    meter = Meter()
    token = METER.set(meter)
    try:
        output = function(*arguments, **options)
    finally:
        METER.reset(token)
    if meter.calls == 0:
        raise InputError("measure: the function called none of groat.kernels")
    return Measurement(output, meter.instructions, meter.macs, meter.scratch_bytes, meter.constants_bytes)
