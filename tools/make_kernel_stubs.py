# SPDX-License-Identifier: Apache-2.0
"""Writes python/groat/kernels.pyi: groat.kernels finds its functions at run time, where no type checker can look.

    python tools/make_kernel_stubs.py

Signatures and docstrings are those of the functions themselves, in the order of the op table.  A test fails when
the committed file is not what this program writes.
"""

from __future__ import annotations

import builtins
import inspect
import keyword
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from groat import kernels
from groat.ops import op_rows

STUB = Path(__file__).resolve().parent.parent / "python" / "groat" / "kernels.pyi"
# Where the names in annotations come from; the order of the imports.
ORIGINS = {
    "collections.abc": ("Sequence",),
    "numpy.typing": ("ArrayLike",),
    "groat.graph.ir": ("Array",),
    "groat.ops.call": ("Padding", "Pair"),
}
# What stands in the module itself, with its annotations in place.
REEXPORTED = "from groat.ops.layout import use_layout as use_layout\n" + "".join(
    f"from groat.ops.measure import {name} as {name}\n" for name in ("Measurement", "measure")
)
THIRD_PARTY = ("numpy", "groat")  # each begins a group of imports of its own
HEADER = '''# SPDX-License-Identifier: Apache-2.0
"""Every op of the table as a function on NumPy arrays, on this host or on a device.

Written by tools/make_kernel_stubs.py.
"""
'''


def declaration(function: Callable[..., Any]) -> str:
    """A function as a stub declares it; one parameter to a line, as formatters leave it."""
    signature = inspect.signature(function)
    lines = []
    keyword_only = False
    for parameter in signature.parameters.values():
        if parameter.kind == inspect.Parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            lines.append("    *,")
        default = "" if parameter.default is inspect.Parameter.empty else f" = {_literal(parameter.default)}"
        lines.append(f"    {parameter.name}: {parameter.annotation}{default},")
    document = inspect.getdoc(function) or ""
    text = "\n".join(f"    {line}".rstrip() for line in document.splitlines()).strip()
    ending = "\n    " if "\n" in text else ""
    arguments = "\n" + "\n".join(lines) + "\n" if lines else ""
    return f'def {function.__name__}({arguments}) -> {signature.return_annotation}:\n    """{text}{ending}"""\n'


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def imports(annotations: str) -> str:
    """The imports that these annotations need; ValueError for a name of unknown origin."""
    needed = set(re.findall(r"[A-Za-z_]\w*", annotations)) - set(dir(builtins)) - set(keyword.kwlist)
    unknown = needed - {name for names in ORIGINS.values() for name in names}
    if unknown:
        raise ValueError(f"annotations name {', '.join(sorted(unknown))}; add where from to ORIGINS")
    lines: list[str] = []
    for module, names in ORIGINS.items():
        used = [name for name in names if name in needed]
        if used:
            group = module.partition(".")[0]
            if lines and group in THIRD_PARTY and f"from {group}" not in lines[-1]:
                lines.append("")
            lines.append(f"from {module} import {', '.join(used)}")
    return "\n".join(lines) + "\n"


def render() -> str:
    """The whole stub file."""
    functions: list[Callable[..., Any]] = [kernels.function_name]
    names = dict.fromkeys(kernels.function_name(row.name) for row in op_rows())
    functions += [getattr(kernels, name) for name in names]
    annotations = [
        str(annotation)
        for function in functions
        for signature in [inspect.signature(function)]
        for annotation in (signature.return_annotation, *(p.annotation for p in signature.parameters.values()))
    ]
    declarations = "\n".join(map(declaration, functions))
    return f"{HEADER}\n{imports(' '.join(annotations))}{REEXPORTED}\n{declarations}"


if __name__ == "__main__":
    STUB.write_text(render(), encoding="utf-8")
