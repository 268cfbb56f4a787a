# SPDX-License-Identifier: Apache-2.0
"""The estimate of cycles on instructions made by hand, and the tables of costs themselves."""

from __future__ import annotations

import pytest

from groat.cycles import CostModel, Range, list_cost_tables, load_costs
from groat.errors import InputError, RunnerError
from groat.hotspots import Instruction, Spot, group, parse, total


def cost(table: str, *rows: tuple[str, str, int, int]) -> tuple[Range, dict[str, int]]:
    """(cycles, unknown opcodes) of instructions in a row: opcode, operands, executed, left."""
    instructions = {4 * i: Instruction(row[0], row[1]) for i, row in enumerate(rows)}
    spots = [Spot(4 * i, row[2], row[3]) for i, row in enumerate(rows)]
    model = CostModel.of(load_costs(table), instructions)
    return model.cost(spots), model.unknown(spots)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("add", "r0, r1", 10, 0), Range(10, 10)),
        (("adds", "r0, r1", 10, 0), Range(10, 10)),
        (("addeq", "r0, r1", 10, 0), Range(10, 10)),
        (("subshs", "r0, r1", 10, 0), Range(10, 10)),
        (("lslls", "r0, r1, #2", 10, 0), Range(10, 10)),
        (("bls", "0x40", 10, 0), Range(10, 10)),
        (("bne", "0x40", 10, 4), Range(10 + 4, 10 + 12)),
        (("bl", "0x40", 10, 10), Range(20, 40)),
        (("udiv", "r0, r1, r2", 10, 0), Range(20, 120)),
        (("smlad", "r0, r1, r2, r3", 10, 0), Range(10, 10)),
        (("ldr", "r0, [r1, #4]", 10, 0), Range(20, 20)),
        (("ldrd", "r0, r1, [r2]", 10, 0), Range(30, 30)),
        (("push", "{r4, r5, r6, lr}", 10, 0), Range(50, 50)),
        (("pop", "{r4, r5, r6, pc}", 10, 10), Range(60, 80)),
        (("vpush", "{d8, d9}", 10, 0), Range(50, 50)),
        (("vmul.f32", "s0, s1, s2", 10, 0), Range(10, 20)),
    ],
)
def test_costs_on_a_cortex_m4(row: tuple[str, str, int, int], expected: Range) -> None:
    assert cost("cortex-m4", row) == (expected, {})


def test_a_load_behind_a_load_is_cheaper() -> None:
    load = ("ldr", "r0, [r1]", 100, 0)
    assert cost("cortex-m4", load, load, load)[0] == Range(400, 400)
    assert cost("cortex-m4", load, ("add", "r0, r1", 100, 0), load)[0] == Range(500, 500)


def test_beats_overlap_between_pipelines_only() -> None:
    load, multiply = ("vldrb.u8", "q0, [r0]", 100, 0), ("vmladava.s8", "lr, q0, q1", 100, 0)
    assert cost("cortex-m55", load, multiply, load, multiply)[0] == Range(400, 800)
    assert cost("cortex-m55", load, load, multiply, multiply)[0] == Range(600, 800)
    predicated = ("vldrbt.u8", "q0, [r0]", 100, 0)
    assert cost("cortex-m55", predicated) == cost("cortex-m55", load)
    assert cost("cortex-m55", ("vadd.f32", "s0, s1, s2", 100, 0))[1] == {}


def test_unknown_opcodes_are_counted_and_not_free() -> None:
    found, unknown = cost("cortex-m4", ("add", "r0, r1", 10, 0), ("frobnicate", "r0", 7, 0), ("vadd.i32", "q0", 1, 0))
    assert found.low >= 10 + 7 + 1
    assert unknown == {"frobnicate": 7}
    model = CostModel.of(load_costs("cortex-m4"), {})
    assert model.unknown([Spot(0x1234, 5, 0)]) == {"(unknown)": 5}
    assert model.cost([Spot(0x1234, 5, 0)]) == Range(5, 5)


@pytest.mark.parametrize("name", list_cost_tables())
def test_every_number_has_a_source(name: str) -> None:
    table = load_costs(name)
    assert table.sources
    for each in table.classes:
        assert any(f"{source}:" in each.source or f"{source}," in each.source for source in table.sources), each.name
        for cycles in (each.cycles, each.repeated, each.per_register, each.left):
            assert 0 <= cycles.low <= cycles.high
        assert (each.cycles + each.per_register).high > 0
    listed = [opcode for each in table.classes if each.operands is None for opcode in each.opcodes]
    assert len(listed) == len(set(listed))


def test_a_core_without_a_table_is_refused() -> None:
    with pytest.raises(InputError, match=r"no table of cycle costs for rv32imc; .*: cortex-m4, cortex-m55, cortex-m7"):
        load_costs("rv32imc")


def test_the_plugins_file_is_read_or_refused() -> None:
    calls = parse("0 1a4 3 1\n0 1a6 2 0\n1 1a4 5 5\nend 3\n")
    assert calls == [(Spot(0x1A4, 3, 1), Spot(0x1A6, 2, 0)), (Spot(0x1A4, 5, 5),), ()]
    assert total(calls[0]) == 5
    assert list(group(calls[0] + calls[1], lambda spot: hex(spot.address))) == ["0x1a4", "0x1a6"]
    for bad in ("", "0 1a4 3 1\n", "0 1a4 3 1\nend 0\n", "0 1a4 3\nend 1\n", "0 xyz 3 1\nend 1\n"):
        with pytest.raises(RunnerError, match="counts of QEMU's plugin cannot be read"):
            parse(bad)
