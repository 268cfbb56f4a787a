# SPDX-License-Identifier: Apache-2.0
"""What a model costs on a device: executed instructions and where they go, RAM and flash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

from groat.boards import load_board, names_board
from groat.cycles import CostModel, load_costs
from groat.errors import InputError
from groat.hotspots import UNKNOWN, Counts, Functions, Instruction, Spot, disassemble, group, total
from groat.inputs import lcg_inputs, training_inputs
from groat.pack import PackedModel, read
from groat.progress import Progress, silent
from groat.runners import open_runner, split_where
from groat.runners.qemu import QemuRunner
from groat.targets import load_target

By = Literal["layer", "function", "opcode"]


def profile(
    packed: bytes,
    on: str,
    names: list[str] | None = None,
    by: By | None = None,
    cycles: bool = False,
    program: str = "infer",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Measures one inference of a packed model on a device.

    The input is the LCG of groat.inputs.  Counts of emulated devices are executed instructions, exact and repeatable,
    not cycles; those of a device at a serial port are what its own counter says (PortRunner.profile).

    Args:
        on: a device, for example "qemu:cortex-m4" or "serial:/dev/ttyACM0".
        names: of the layers, where the packed model itself has none.
        by: tell also where the instructions go; cycles without it means "layer".
        cycles: estimate cycles too, from a table of costs; not a measurement.
        program: which one of the model's is measured; steps of training learn class 0 at a rate of 0.001.
        progress: as of groat.Runner.

    Returns a dict with the keys
        on, program, instructions (of groat_run), macs, instructions_per_mac (None without MACs), open_instructions,
        arena_bytes, stack_bytes (peak below the call of groat_run), open_stack_bytes,
        flash: {code_bytes (all of the firmware but the model), runtime_code_bytes, model_bytes}, of a device at a port
            model_bytes only,
        layers: [{index, op, name, instructions, macs}], where a layer of a stream has the instructions of its rows,
        streams: [{first, last (indices of layers), instructions (of all of it), walk_instructions (what it takes beside
            the layers' rows: finding the next one, taking and giving rows of inputs and outputs)}];
    with `by` also
        by, counted_instructions (the sum of all rows),
        rows: [{name, instructions, share}], of groat_run, the largest first; a function is named by its symbol, a
            static one with its file.  By layer: in the order of the layers, each run by itself, with the keys
            index, op and functions (rows of the same kind) beside them; walks of streams are of no layer;
    with `cycles` also
        cycles: {estimate: True, core, range ([low, high] of all rows), assumes, unknown: [{name, instructions}]
            (opcodes without a cost, taken as `unknown_cycles` each), unknown_cycles, sources: {}},
        and in each row cycles: [low, high].

    Raises:
        InputError: a place that does not count instructions, a `by` that does not exist, a core without costs.
        ModelError, FitError, ToolchainError, RunnerError: as groat.Runner.
    """
    kind, target = split_where(on)
    if kind == "host":
        raise InputError(f"{on} does not count instructions; profile on a device, for example qemu:cortex-m4")
    if (kind != "qemu" or names_board(target)) and (by is not None or cycles):
        core = load_board(target).core if names_board(target) else target
        raise InputError(f"{on} does not tell where its time goes; profile on an emulated device, qemu:{core}")
    if by is not None and by not in get_args(By):
        raise InputError(f"cannot tell instructions by {by!r}; there are: {', '.join(get_args(By))}")
    if cycles:
        by = by or "layer"
        load_costs(target)  # or there is no need to begin
    model = read(packed).select(program)
    if names is not None:
        first = model.first_step
        names = names[first : first + len(model.steps)]
    flash = {"model_bytes": len(packed)}
    with open_runner(on, packed, linked=True, progress=progress) as runner:
        runner.select(program)
        inputs = training_inputs(model.inputs) if model.states else lcg_inputs(model.inputs)
        measured = runner.profile(inputs)
        counts = None
        if isinstance(runner, QemuRunner):
            code = runner.image
            flash = {"code_bytes": code.code_bytes, "runtime_code_bytes": code.runtime_code_bytes} | flash
            counts = runner.count(inputs) if by is not None else None
    report: dict[str, Any] = {
        "on": on,
        "program": program,
        "instructions": measured.instructions,
        "macs": model.macs,
        "instructions_per_mac": measured.instructions / model.macs if model.macs else None,
        "open_instructions": measured.open_instructions,
        "arena_bytes": model.arena_bytes,
        "stack_bytes": measured.stack_bytes,
        "open_stack_bytes": measured.open_stack_bytes,
        "flash": flash,
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
        "streams": [
            {
                "first": stream.start,
                "last": stream.stop - 1,
                "instructions": walk + sum(measured.step_instructions[index] for index in stream),
                "walk_instructions": walk,
            }
            for stream, walk in zip(model.streams, measured.walk_instructions, strict=True)
        ],
    }
    if counts is None or by is None:
        return report
    described = load_target(target)
    image = counts.steps_image if by == "layer" else counts.image
    instructions = disassemble(described, image) if cycles or by == "opcode" else {}
    costs = CostModel.of(load_costs(target), instructions) if cycles else None
    return report | _where(by, counts, Functions(image), instructions, costs, report["layers"])


def _where(
    by: By,
    counts: Counts,
    functions: Functions,
    instructions: dict[int, Instruction],
    costs: CostModel | None,
    layers: list[dict[str, Any]],
) -> dict[str, Any]:
    """The keys that `by` and `cycles` add to a report."""

    def rows(groups: dict[str, Sequence[Spot]], whole: int) -> list[dict[str, Any]]:
        return [_row(name, spots, whole, costs) for name, spots in groups.items()]

    def function_of(spot: Spot) -> str:
        return functions.at(spot.address)

    def opcode_of(spot: Spot) -> str:
        found = instructions.get(spot.address)
        return found.opcode if found is not None else UNKNOWN

    if by == "layer":
        spots = [spot for step in counts.steps for spot in step]
        found = [
            {"index": layer["index"], "op": layer["op"]}
            | _row(layer["name"], step, total(spots), costs)
            | {"functions": rows(group(step, function_of), total(step))}
            for layer, step in zip(layers, counts.steps, strict=True)
        ]
    else:
        spots = list(counts.run)
        found = rows(group(spots, function_of if by == "function" else opcode_of), total(spots))
    where: dict[str, Any] = {"by": by, "counted_instructions": total(spots), "rows": found}
    if costs is not None:
        where["cycles"] = {
            "estimate": True,
            "core": costs.table.core,
            "range": costs.cost(spots).rounded(),
            "assumes": costs.table.assumes,
            "unknown": [{"name": name, "instructions": count} for name, count in costs.unknown(spots).items()],
            "unknown_cycles": costs.table.unknown.high,
            "sources": costs.table.sources,
        }
    return where


def _row(name: str, spots: Sequence[Spot], whole: int, costs: CostModel | None) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "instructions": total(spots), "share": total(spots) / whole if whole else 0.0}
    if costs is not None:
        row["cycles"] = costs.cost(spots).rounded()
    return row


def _name(model: PackedModel, index: int) -> str:
    """A packed model names its inputs and outputs only."""
    return model.tensors[model.steps[index].outputs[0]].name or f"{model.steps[index].op}_{index}"
