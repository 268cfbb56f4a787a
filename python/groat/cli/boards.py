# SPDX-License-Identifier: Apache-2.0
"""Commands for boards: which there are, and bringing a model onto one."""

from __future__ import annotations

import contextlib
import shlex
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from groat.cli.common import (
    Format,
    FormatOption,
    app,
    compiles,
    emit,
    facts_table,
    new_table,
    packed_model,
    progress_bar,
    stdout,
)
from groat.errors import InputError
from groat.options import Options

_STATUS = """described: no firmware is built for it here; built: firmware is; emulated: that firmware runs in QEMU's
model of the board; hardware: it ran on the board.  Whatever is not `hardware` was not tried on hardware."""


@app.command(epilog="Example: groat flash model.tflite --board qemu_cortex_m4")
@compiles
def flash(
    model: Annotated[
        Path | None, typer.Argument(help="a .tflite or .onnx model, or a packed .groat one", show_default=False)
    ] = None,
    board: Annotated[
        str | None,
        typer.Option(help="a name that `groat boards` lists, or a board's file; for an update, what its firmware says"),
    ] = None,
    port: Annotated[
        str | None, typer.Option(help="the serial port that the board answers at; default: the one of its probe")
    ] = None,
    probe: Annotated[
        str | None, typer.Option(help="serial number of the probe or boot loader to flash through, or the drive")
    ] = None,
    tool: Annotated[
        str | None, typer.Option(help="what flashes; default: the first of the board's that is installed and finds it")
    ] = None,
    firmware: Annotated[
        Path | None, typer.Option(help="flash this file, built elsewhere, in place of firmware that is built now")
    ] = None,
    all_ops: Annotated[bool, typer.Option("--all-ops", help="firmware for all models, not only for this one")] = False,
    public_key: Annotated[
        Path | None, typer.Option(help="PEM file of an Ed25519 key: firmware that takes only updates its owner signed")
    ] = None,
    model_only: Annotated[
        bool, typer.Option("--model-only", help="write only the model, into a slot of a running board's flash")
    ] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="have a running board serve the model before; takes no model")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the commands, and flash nothing")] = False,
    folder: Annotated[
        Path | None, typer.Option(help="of an emulated board: what keeps its flash; default: one in the cache")
    ] = None,
    background: Annotated[
        bool, typer.Option("--background", help="leave an emulated board on; else it is on until Ctrl-C")
    ] = False,
    *,
    options: Options,
    format: FormatOption = Format.table,
) -> None:
    """Flashes firmware with a model onto a board, verifies it, and asks the board what it serves."""
    if rollback:
        if model is not None or model_only or dry_run:
            raise InputError("--rollback takes no model, no --model-only and no --dry-run")
        _roll_back(board, port, format)
        return
    if model is None:
        raise InputError("which model?  groat flash MODEL --board BOARD")
    if model_only:
        if dry_run:
            raise InputError(
                "--model-only speaks with the board's firmware and runs no command that --dry-run can print"
            )
        _update(model, board, port, options, format)
        return
    if board is None:
        raise InputError("which board?  Name it with --board; `groat boards` lists them")
    from groat.boards import load_board
    from groat.flash import flashing
    from groat.signing import load_public_key

    device = load_board(board)
    # Whether it can be flashed at all is known sooner than its firmware is built.
    choice = (flashing.dry_choice if dry_run else flashing.choose)(device, tool, probe, port)
    emulated = choice.tool == flashing.EMULATOR
    if not emulated and (folder is not None or background):
        raise InputError("--folder and --background are for emulated boards")
    if not emulated and not dry_run:
        port = flashing.find_port(device, port, choice)
    number = _tcp_port(port) if emulated else None
    if firmware is not None and (all_ops or public_key is not None):
        raise InputError("--all-ops and --public-key are for firmware that is built now, not for --firmware")
    key = None if public_key is None else load_public_key(public_key)
    with progress_bar() as progress:
        packed, _ = packed_model(model, board, options, progress)
        progress(f"building firmware for {device.name}", 0, 0)
        image = flashing.prepare(device, choice.method, packed, firmware, all_ops, key)
    about: dict[str, Any] = {
        "board": device.name,
        "model": str(model),
        "model_bytes": len(packed),
        "firmware": str(image.file),
        "flashed_bytes": sum(len(piece.data) for piece in image.pieces),
        "tool": choice.tool,
        "through": None if choice.device is None else str(choice.device),
    }
    if emulated:
        _emulate(device, image.file, packed, number, dry_run, folder, background, about, format)
        return
    if dry_run:
        _show({**about, "dry_run": True, "commands": [str(step) for step in choice.steps(image)]}, format)
        return
    assert port is not None
    with progress_bar() as progress:
        steps, served = flashing.flash(device, choice, image, packed, port, progress)
    _show({**about, "port": f"serial:{port}", "commands": list(map(str, steps)), **_served(served)}, format)


def _emulate(
    board: Any,
    elf: Path,
    packed: bytes,
    number: int | None,
    dry_run: bool,
    folder: Path | None,
    background: bool,
    about: dict[str, Any],
    format: Format,
) -> None:
    from groat.flash import emulated, serving

    folder = folder if folder is not None else emulated.folder_of(board.name)
    if dry_run:
        command = emulated.command(board.target, elf, number or emulated.ANY_PORT)
        _show({**about, "folder": str(folder), "dry_run": True, "commands": [shlex.join(command)]}, format)
        return
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)  # so that the board does not stay on
    running = emulated.start(board.target, elf, folder, number)
    try:
        with progress_bar() as progress:
            served = serving.check_flashed(running.port, board, packed, progress)
        report = {**about, "folder": str(folder), "process": running.pid, "port": f"serial:{running.port}"}
        _show({**report, **_served(served)}, format)
    except BaseException:
        running.switch_off()
        raise
    if background:
        return
    if format == Format.table:
        stdout.print(f"{board.name} is on; Ctrl-C switches it off")
    with contextlib.suppress(KeyboardInterrupt):
        running.wait()
    running.switch_off()


def _tcp_port(port: str | None) -> int | None:
    """The number in "socket://127.0.0.1:NUMBER"."""
    if port is None:
        return None
    number = port.removeprefix("serial:").removeprefix("socket://127.0.0.1:")
    if not number.isdecimal():
        raise InputError(f"an emulated board is at socket://127.0.0.1:NUMBER, not at {port}")
    return int(number)


def _update(path: Path, board_name: str | None, port: str | None, options: Options, format: Format) -> None:
    from groat.flash import serving

    board, where = _running(board_name, port)
    with progress_bar() as progress, serving.reached(where, board) as session:
        target = session.ask_about().target
        packed, _ = packed_model(path, target, options, progress)
        before = serving.served(session)
        after = serving.update(session, packed, progress)
        slots = serving.slots(session)
    report = {"board": target, "port": f"serial:{where}", "model": str(path), "before": str(before), **_served(after)}
    _show({**report, "slots": [_slot(slot) for slot in slots]}, format)


def _roll_back(board_name: str | None, port: str | None, format: Format) -> None:
    from groat.flash import serving

    board, where = _running(board_name, port)
    with serving.reached(where, board) as session:
        before = serving.served(session)
        after = serving.roll_back(session)
        slots = serving.slots(session)
    report = {"board": after.target, "port": f"serial:{where}", "before": str(before), **_served(after)}
    _show({**report, "slots": [_slot(slot) for slot in slots]}, format)


def _running(board_name: str | None, port: str | None) -> tuple[Any, str]:
    """(the board if it is named, the port) of a board that is on."""
    from groat.boards import load_board
    from groat.flash import emulated, flashing

    board = None if board_name is None else load_board(board_name)
    if port is not None:
        return board, port.removeprefix("serial:")
    if board is None:
        raise InputError("which board?  Name its port with --port, or the board with --board")
    at = emulated.running(emulated.folder_of(board.name))
    return board, at if at is not None else flashing.find_port(board)


def _served(served: Any) -> dict[str, Any]:
    return {
        "version": served.version,
        "served_from": served.place,
        "served_bytes": served.model_bytes,
        "served_checksum": f"{served.model_crc:08x}",
    }


def _slot(slot: Any) -> dict[str, Any]:
    state = ("empty", "whole", "served")[slot.state]
    return {"state": state, "sequence": slot.sequence, "bytes": slot.model_bytes, "checksum": f"{slot.model_crc:08x}"}


def _show(report: dict[str, Any], format: Format) -> None:
    facts = {key: value for key, value in report.items() if not isinstance(value, list) and value is not None}
    if "process" in facts:  # a number that is no count
        facts["process"] = str(facts["process"])
    tables = [facts_table(f"{report['board']}", facts)]
    emit(report, format, *tables)
    if format == Format.table:
        for command in report.get("commands", []):
            stdout.print(command, soft_wrap=True)


@app.command(epilog="Example: groat boards --format json")
def boards(format: FormatOption = Format.table) -> None:
    """Lists the boards: their memories, what flashes them, what was tried, and which are attached."""
    from groat.flash.listing import list_boards

    rows = list_boards()
    table = new_table("Boards", "name", "chip", "#RAM bytes", "#flash bytes", "flashed with", "status", "attached")
    for row in rows:
        sizes = [f"{row[key]:,}" for key in ("ram_bytes", "flash_bytes")]
        tools = ", ".join(t["tool"] + ("" if t["installed"] else " (missing)") for t in row["tools"])
        table.add_row(row["name"], row["chip"], *sizes, tools, row["status"], ", ".join(row["attached"]))
    emit(rows, format, table)
    if format == Format.table:
        stdout.print(_STATUS)
