# SPDX-License-Identifier: Apache-2.0
"""Commands about whom a device believes: sign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from groat.cli.common import Format, FormatOption, app, emit, facts_table


@app.command(epilog="Example: groat sign model.groat --key key.pem -o signed.groat")
def sign(
    model: Annotated[Path, typer.Argument(help="a packed .groat model", show_default=False)],
    key: Annotated[Path, typer.Option(help="an Ed25519 private key in PEM", show_default=False)],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="default: the model's own file")] = None,
    format: FormatOption = Format.table,
) -> None:
    """Signs a packed model, for firmware that serves only those of its owner."""
    from groat.compiler import read_file, write_file
    from groat.signing import load_public_key
    from groat.signing import sign as sign_model

    signed = sign_model(read_file(model), key, model.name)
    path = output if output is not None else model
    write_file(path, signed)
    report = {"output": str(path), "file_bytes": len(signed), "public_key": load_public_key(key).hex()}
    emit(report, format, facts_table(str(model), report))
