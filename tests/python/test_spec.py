# SPDX-License-Identifier: Apache-2.0
"""docs/SPEC.md is normative: its tables must say what the C structs say, and its example must be a file that runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import groat
from groat import _core
from groat.graph import Graph, Op, Quantization, Tensor
from groat.pack import pack_steps, structs, write
from groat.planner import plan_memory

SPEC = (Path(__file__).parents[2] / "docs" / "SPEC.md").read_text(encoding="utf-8")
HEADING = re.compile(r"^### (?:(\d+) (\w+): )?`(groat_\w+)`, (\d+) bytes$")
FIELD = re.compile(r"^\| (\d+) \| (\d+) \| `(\w+)` \| `([^`]+)` \|")
VALUE = re.compile(r"^\| (-?\d+|0x[0-9A-F]+) \| `(GROAT_\w+)` \|")
DUMP = re.compile(r"^([0-9a-f]{4})  ((?:[0-9a-f]{2} )+) ")

Field = tuple[int, int, str, str]


def documented_structs() -> dict[str, tuple[int, list[Field]]]:
    """Struct -> (bytes, fields as (offset, size, name, type)), as the text has them."""
    found: dict[str, tuple[int, list[Field]]] = {}
    current: list[Field] = []
    for line in SPEC.splitlines():
        if heading := HEADING.match(line):
            assert heading[3] not in found, f"{heading[3]} is described twice"
            current = []
            found[heading[3]] = (int(heading[4]), current)
        elif field := FIELD.match(line):
            current.append((int(field[1]), int(field[2]), field[3], field[4]))
    return found


def real_structs() -> dict[str, Any]:
    """Struct -> its cffi type."""
    types = {name: structs.ffi().typeof(name) for name in structs.ffi().list_types()[0]}
    return {name: kind for name, kind in types.items() if kind.kind == "struct"}


def test_every_struct_is_described_and_no_other() -> None:
    assert set(documented_structs()) == set(real_structs())


@pytest.mark.parametrize("name", sorted(real_structs()))
def test_fields_offsets_and_sizes(name: str) -> None:
    ffi, kind = structs.ffi(), real_structs()[name]
    size, fields = documented_structs()[name]
    assert fields == [(field.offset, ffi.sizeof(field.type), member, field.type.cname) for member, field in kind.fields]
    assert size == ffi.sizeof(name) == _core.struct_sizes()[name]


@pytest.mark.parametrize("name", sorted(real_structs()))
def test_structs_have_no_holes(name: str) -> None:
    end = 0
    for offset, size, field, _ in documented_structs()[name][1]:
        assert offset == end, f"there is a hole before {field}"
        end = offset + size
    assert end == documented_structs()[name][0]


def documented_values() -> dict[str, int]:
    """Name -> value, of every enumerator and status in a table."""
    return {row[2]: int(row[1], 0) for row in map(VALUE.match, SPEC.splitlines()) if row is not None}


def test_enumerators_and_statuses() -> None:
    constants = structs.constants()
    real = {name: getattr(constants, name) for name in dir(constants)}
    # Ids of ops stand in the headings.
    expected = {name: value for name, value in real.items() if not name.startswith("GROAT_OP_")}
    expected |= {f"GROAT_{name}": code for name, code, _ in _core.status_table()}
    assert documented_values() == expected


def test_texts_of_the_statuses() -> None:
    for name, code, text in _core.status_table():
        assert f"| {code} | `GROAT_{name}` | {text} |\n" in SPEC


def test_ids_and_flags_of_the_ops() -> None:
    headings = [heading for heading in map(HEADING.match, SPEC.splitlines()) if heading and heading[1]]
    documented = [(int(heading[1]), heading[2], heading[3]) for heading in headings]
    assert documented == [(row[0], row[1], f"groat_{row[2]}_params") for row in _core.op_table()]
    sections = re.split(r"^### ", SPEC.split("\n## 5. Ops\n")[1].split("\n## 6.")[0], flags=re.MULTILINE)[1:]
    in_place = ["in place" in section.split("| offset")[0] for section in sections]
    assert in_place == [row[3] for row in _core.op_table()]


def example() -> bytes:
    """The file of the last section."""
    data = bytearray()
    for row in filter(None, map(DUMP.match, SPEC.splitlines())):
        assert int(row[1], 16) == len(data)
        data += bytes.fromhex(row[2])
    return bytes(data)


def test_the_example_is_what_the_packer_writes() -> None:
    graph = Graph(
        name="example",
        tensors={
            0: Tensor("x", (4,), "int8", Quantization((0.5,), (3,))),
            1: Tensor("y", (4,), "float32"),
        },
        ops=(Op("dequantize", (0,), (1,), {"scale": 0.5, "zero_point": 3}),),
        inputs=(0,),
        outputs=(1,),
    )
    steps = pack_steps(graph)
    plan = plan_memory(graph, [step.scratch_bytes for step in steps.steps])
    packed, _ = write(graph, steps, plan, source_hash=bytes(range(32)))
    assert packed.hex(" ") == example().hex(" ")


def test_the_example_runs() -> None:
    with groat.Runner("host", example()) as runner:
        (y,) = runner.run([np.array([-128, 3, 4, 127], np.int8)])
    assert y.tolist() == [-65.5, 0.0, 0.5, 62.0]
