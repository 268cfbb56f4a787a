# SPDX-License-Identifier: Apache-2.0
"""Commands that list what there is: ops, targets, doctor."""

from __future__ import annotations

import typer

from groat.cli.common import Format, FormatOption, app, emit, new_table


@app.command(epilog="Example: groat ops --format json")
def ops(format: FormatOption = Format.table) -> None:
    """Lists the ops of this version and the TFLite operators that become them."""
    from groat.ops import op_def, op_rows

    rows = [{"id": row.id, "name": row.name, "tflite": sorted(op_def(row.name).tflite)} for row in op_rows()]
    table = new_table("Ops", "#id", "name", "TFLite operators")
    for row in rows:
        table.add_row(str(row["id"]), str(row["name"]), ", ".join(row["tflite"]))  # type: ignore[arg-type]
    emit(rows, format, table)


@app.command(epilog="Example: groat targets")
def targets(format: FormatOption = Format.table) -> None:
    """Lists the targets: their cores and memories."""
    from groat.targets import list_targets, load_target

    found = [load_target(name) for name in list_targets()]
    rows = [
        {
            "name": target.name,
            "core": target.core,
            "packing": target.packing,
            "ram_bytes": target.ram_bytes,
            "flash_bytes": target.flash_bytes,
            "memories": [
                {"name": memory.name, "bytes": memory.length, "byte_cost": memory.cost} for memory in target.arenas
            ],
            "runner": target.name if target.qemu is None else f"qemu:{target.name}",
        }
        for target in found
    ]
    table = new_table("Targets", "name", "core", "kernels", "#RAM bytes", "#flash bytes", "--memories", "run with --on")
    for target, row in zip(found, rows, strict=True):
        sizes = [f"{row[key]:,}" if row[key] else "–" for key in ("ram_bytes", "flash_bytes")]
        names = ", ".join(memory.name for memory in target.arenas)
        table.add_row(str(row["name"]), str(row["core"]), str(row["packing"]), *sizes, names, str(row["runner"]))
    emit(rows, format, table)


@app.command(epilog="Example: groat doctor")
def doctor(format: FormatOption = Format.table) -> None:
    """Says what is installed, what is missing, and the command that installs it.  Exits with 6 if anything is missing
    that not only some boards need."""
    from groat.doctor import examine

    report = examine()
    present = new_table("Installed", "what", "version", "path")
    for item in report["installed"]:
        present.add_row(item["what"], item["version"], item["path"])
    tables = [present]
    for title, key in (("Missing", "missing"), ("Optional, and not there", "optional")):
        absent = new_table(title, "what", "needed for", "install with")
        for item in report[key]:
            absent.add_row(item["what"], item["needed_for"], item["install_command"])
        tables += [absent] if report[key] else []
    emit(report, format, *tables)
    if report["missing"]:
        raise typer.Exit(6)
