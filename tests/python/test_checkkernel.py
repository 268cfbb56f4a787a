# SPDX-License-Identifier: Apache-2.0
"""checkkernel on this host: every kernel of every set holds to its contract, and mistakes are found."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.kernels import casefile, cases
from tests.kernels.checkkernel import Place, Program, Refused, build, check
from tests.kernels.mutate import mutate
from tests.support import cc

from groat.isa import PACKINGS

CASES, SLOW_CASES, MUTANT_CASES = 150, 4000, 300
# In Helium's records every value is defined: their check keeps a damaged file from giving other bytes, no more.
HARMLESS = [("mve", ("conv_s8_check", "skips_last")), ("mve", ("depthwise_s8_check", "accepts"))]
MISTAKES = [(packing, mutant) for packing in PACKINGS for mutant in casefile.mutants()]
MISTAKES = [mistake for mistake in MISTAKES if mistake not in HARMLESS]

Programs = Callable[[str], Program]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """checkkernel of a kernel set, built once."""
    made: dict[str, Program] = {}

    def of(packing: str) -> Program:
        if packing not in made:
            made[packing] = build(Place(packing), tmp_path_factory.mktemp(packing))
        return made[packing]

    return of


def test_every_kernel_has_cases() -> None:
    assert cases.missing() == [], "add them to tests/kernels/cases.py; docs/TESTING.md says how"


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_kernel_holds_to_its_contract(packing: str, programs: Programs) -> None:
    program = programs(packing)
    for kernel in casefile.main_kernels():
        tally = check(program, kernel, range(CASES))
        assert tally.too_large == 0
        assert tally.run > (0.6 * CASES if casefile.has(packing, kernel) else -1), kernel
        if f"{kernel}_check" in casefile.kernels():
            assert tally.doubtful > 0


@pytest.mark.slow
@pytest.mark.parametrize("packing", PACKINGS)
def test_every_kernel_holds_to_its_contract_many_times(packing: str, programs: Programs) -> None:
    program = programs(packing)
    for kernel in casefile.main_kernels():
        check(program, kernel, range(CASES, CASES + SLOW_CASES))


# ---- Mistakes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("packing", "mutant"), MISTAKES, ids=lambda value: value if isinstance(value, str) else "_".join(value)
)
def test_a_mistake_is_found(packing: str, mutant: tuple[str, str], programs: Programs) -> None:
    kernel = re.sub(r"_(needs|check)$", "", mutant[0])
    with pytest.raises(Refused):
        check(replace(programs(packing), mutant=mutant), kernel, range(MUTANT_CASES))


def test_the_kernels_that_carry_all_the_time_have_mutants() -> None:
    kernels = {kernel for kernel, _ in casefile.mutants()}
    assert kernels <= set(casefile.kernels())
    assert kernels >= {"conv_s8", "conv_s8_needs", "conv_s8_check", "depthwise_s8", "add_s8", "max_pool_s8"}


def test_a_message_names_case_place_and_values(programs: Programs) -> None:
    program = replace(programs("ref"), mutant=("lut_8", "indexes_signed"))
    with pytest.raises(
        Refused, match=r"host, ref: lut_8, case 0: \d+ elements: \w+, byte \d+: expected \d+, found \d+"
    ):
        check(program, "lut_8", range(5))


@pytest.mark.slow
@pytest.mark.parametrize("packing", PACKINGS)
def test_changes_at_random_are_noticed(packing: str, tmp_path: Path) -> None:
    """Some make no difference, such as the length from which another path is taken."""
    tried, survivors = mutate(packing, 40, 7, tmp_path)
    assert tried == 40
    assert len(survivors) < 0.5 * tried, "\n".join(map(str, survivors))


# ---- The harness itself -----------------------------------------------------------------------------------


def test_a_case_with_an_argument_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="lut_8 has no numer"):
        casefile.Case("lut_8", {"numer": 3}, 1).encode(0)
    with pytest.raises(ValueError, match="conv_s8 has no strde"):
        casefile.Case("conv_s8", {"k": {"strde": 3}}, 1).encode(0)


def lut(before: bytes, after: bytes, count: int) -> casefile.Case:
    table = casefile.Memory(bytes(range(256)), bytes(range(256)))
    source = casefile.Memory(b"\1\2\3\4", b"\1\2\3\4", residue=3)
    out = casefile.Memory(before, after, residue=7)
    return casefile.Case("lut_8", {"table": table, "in": source, "out": out, "count": count}, count)


def test_statuses_of_good_bad_and_large_cases(programs: Programs, tmp_path: Path) -> None:
    program = programs("ref")
    large = casefile.Case("lut_8", {"in": casefile.Memory(bytes(2 << 20), bytes(2 << 20))}, 1)
    drawn = [
        lut(bytes(4), b"\1\2\3\4", 4),
        lut(bytes(4), b"\1\2\3\5", 4),
        large,
        lut(b"\7\7\7\7", b"\1\2\7\7", 2),
        lut(bytes(2), b"\1\2", 3),
    ]
    (tmp_path / "run").mkdir()
    with pytest.raises(Refused, match="AddressSanitizer"):  # the last writes behind its output
        program.run(drawn, tmp_path / "run")
    answers = casefile.decode((tmp_path / "run" / "groat.out").read_bytes())
    assert [answer.status for answer in answers] == [
        casefile.EQUAL,
        casefile.DIFFERS,
        casefile.TOO_LARGE,
        casefile.EQUAL,
    ]
    assert drawn[0].wrong(answers[0]) is None
    assert drawn[1].wrong(answers[1]) == "out, byte 3: expected 5, found 4"


def test_a_file_that_ends_too_early_is_told(programs: Programs, tmp_path: Path) -> None:
    program = programs("ref")
    (tmp_path / "groat.in").write_bytes(casefile.encode([lut(bytes(4), bytes(4), 4)])[:100])
    done = cc.run(program.path, folder=tmp_path)
    assert (done.code, done.output) == (4, "checkkernel: the cases end too early\n")
    (tmp_path / "groat.in").write_bytes(struct.pack("<8I", 0, 1000, *[0] * 6))
    done = cc.run(program.path, folder=tmp_path)
    assert (done.code, done.output) == (4, "checkkernel: there is no kernel of that number\n")
