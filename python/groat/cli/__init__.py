# SPDX-License-Identifier: Apache-2.0
"""The command line: thin over the Python API.

Exit codes: 0 success; 1 an unforeseen error of Groat; 2 a wrong argument; 3 a model that cannot be read or has
unsupported ops; 4 a model that does not fit; 5 outputs that differ; 6 a missing tool; 7 a device that failed.
"""

from __future__ import annotations

import importlib
import sys

from groat.cli.common import app, stderr
from groat.errors import GroatError

# Each adds its commands to app; `groat --help` lists them in this order.
for _group in ("models", "runs", "accuracy", "learning", "zoo", "boards", "signatures", "listings"):
    importlib.import_module(f"groat.cli.{_group}")


def main() -> None:
    """Runs the command line; errors that Groat foresees become one message and an exit code."""
    try:
        app(prog_name="groat")
    except GroatError as error:
        stderr.print(f"groat: {error}", markup=False, style="red")
        sys.exit(error.exit_code)
