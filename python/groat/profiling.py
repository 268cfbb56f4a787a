# SPDX-License-Identifier: Apache-2.0
"""What a model costs on a device: executed instructions, RAM and flash."""

from __future__ import annotations

from typing import Any

from groat.errors import InputError
from groat.inputs import lcg_inputs
from groat.pack import PackedModel, read
from groat.runners import split_where
from groat.runners.qemu import QemuRunner


def profile(packed: bytes, on: str, names: list[str] | None = None) -> dict[str, Any]:
    """Measures one inference of a packed model on an emulated device.

    The input is the LCG of groat.inputs; counts are of executed instructions, exact and repeatable, not cycles.

    Args:
        on: a device, for example "qemu:cortex-m4".
        names: of the layers, where the packed model itself has none.

    Returns a dict with the keys
        on, instructions (of groat_run), macs, instructions_per_mac (None without MACs), open_instructions,
        arena_bytes, stack_bytes (peak below the call of groat_run), open_stack_bytes,
        flash: {code_bytes (all of the firmware but the model), runtime_code_bytes, model_bytes},
        layers: [{index, op, name, instructions, macs}].

    Raises:
        InputError: a place that does not count instructions.
        ModelError, FitError, ToolchainError, RunnerError: as groat.Runner.
    """
    kind, target = split_where(on)
    if kind != "qemu":
        raise InputError(f"{on} does not count instructions; profile on a device, for example qemu:cortex-m4")
    model = read(packed)
    with QemuRunner(target, packed, linked=True) as runner:
        measured = runner.profile(lcg_inputs(model.inputs))
        image = runner.image
    return {
        "on": on,
        "instructions": measured.instructions,
        "macs": model.macs,
        "instructions_per_mac": measured.instructions / model.macs if model.macs else None,
        "open_instructions": measured.open_instructions,
        "arena_bytes": model.arena_bytes,
        "stack_bytes": measured.stack_bytes,
        "open_stack_bytes": measured.open_stack_bytes,
        "flash": {
            "code_bytes": image.code_bytes,
            "runtime_code_bytes": image.runtime_code_bytes,
            "model_bytes": len(packed),
        },
        "layers": [
            {
                "index": index,
                "op": step.op,
                "name": names[index] if names is not None else _name(model, index),
                "instructions": instructions,
                "macs": step.macs,
            }
            for index, (step, instructions) in enumerate(zip(model.steps, measured.step_instructions, strict=True))
        ],
    }


def _name(model: PackedModel, index: int) -> str:
    """A packed model names its inputs and outputs only."""
    return model.tensors[model.steps[index].outputs[0]].name or f"{model.steps[index].op}_{index}"
