# SPDX-License-Identifier: Apache-2.0
"""Golden files: good ones open, run and are packed to the same bytes; bad ones are refused with a known status."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.golden import models
from tests.golden.broken import ARENA_BYTES, CRC_OFFSET, HEADER_BYTES, bad_files
from tests.golden.edit import Editor
from tests.support.cc import TESTS

from groat import _core
from groat.compiler import compile_model
from groat.ops import op_rows
from groat.pack import read
from groat.runners.host import HostRunner

GOOD = TESTS / "golden" / "good"
BAD = TESTS / "golden" / "bad"
NAMES = sorted(path.stem for path in GOOD.glob("*.groat"))
MANIFEST = json.loads((BAD / "manifest.json").read_text(encoding="utf-8"))
STATUS = {code: name for name, code, _ in _core.status_table()}
CALLERS_FAULT = {"OK", "E_ARGUMENT", "E_ALIGNMENT"}
FIRST_OF_TRAINING = -40  # from here on: of what is kept in flash, of values
"""Statuses that no file can cause; test_c_tests.py has them."""

LAST_IMPORTED = 55
"""Most ops of higher numbers are for training, or come from ONNX: no model of TFLite has them,"""
LATER = {"slice", "lstm_int8"}
"""but for these."""


def good(name: str, suffix: str = ".groat") -> bytes:
    return (GOOD / name).with_suffix(suffix).read_bytes()


def statuses(data: bytes, region_bytes: Sequence[int] = ARENA_BYTES) -> tuple[str, str]:
    """Of groat_open_regions and of groat_check_crc."""
    return STATUS[_core.Model.open_status(data, *region_bytes)], STATUS[_core.Model.crc_status(data)]


# ---- Good files ---------------------------------------------------------------------------------------------


def test_all_ops_have_golden_files() -> None:
    assert set(NAMES) == set(models.MODELS)
    used = {step.op for name in NAMES for step in read(good(name)).steps}
    assert used == {row.name for row in op_rows() if row.id <= LAST_IMPORTED} | LATER


@pytest.mark.parametrize("name", NAMES)
def test_same_model_same_bytes(name: str) -> None:
    assert compile_model(good(name, ".tflite"), **models.OPTIONS.get(name, {})).packed == good(name)


@pytest.mark.parametrize("name", NAMES)
def test_same_results_as_recorded(name: str) -> None:
    given, expected = good(name, ".in"), good(name, ".out")
    with HostRunner(good(name)) as runner:
        position = 0
        found = b""
        while position < len(given):
            arrays = []
            for info in read(good(name)).inputs:
                dtype = np.dtype(info.dtype)
                count = int(np.prod(info.shape, dtype=np.int64))
                arrays.append(np.frombuffer(given, dtype, count, position).reshape(info.shape))
                position += count * dtype.itemsize
            found += b"".join(y.tobytes() for y in runner.run(arrays))
    assert found == expected


@pytest.mark.parametrize("name", NAMES)
def test_arena_is_exact(name: str) -> None:
    exact = [region.nbytes for region in read(good(name)).regions]
    assert statuses(good(name), exact) == ("OK", "OK")
    assert statuses(good(name) + bytes(100), exact) == ("OK", "OK")
    for index in range(len(exact)):
        shorter = [nbytes - (index == i) for i, nbytes in enumerate(exact)]
        assert statuses(good(name), shorter) == ("E_ARENA_TOO_SMALL", "OK")
        assert statuses(good(name), exact[:index]) == ("E_ARENA_TOO_SMALL" if index else "E_ARGUMENT", "OK")


# ---- Bad files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_bad_file_is_refused(name: str) -> None:
    expected = MANIFEST[name]
    assert statuses((BAD / f"{name}.groat").read_bytes()) == (expected["open"], expected["crc"])


def test_bad_files_are_those_of_their_descriptions() -> None:
    files = bad_files({name: good(name) for name in NAMES})
    assert {path.stem for path in BAD.glob("*.groat")} == set(MANIFEST) == set(files)
    assert {name: file.data for name, file in files.items()} == {
        name: (BAD / f"{name}.groat").read_bytes() for name in MANIFEST
    }


def test_every_status_has_a_bad_file() -> None:
    seen = {status for entry in MANIFEST.values() for status in entry.values()}
    of_models = {name for code, name in STATUS.items() if code > FIRST_OF_TRAINING}
    assert seen >= of_models - CALLERS_FAULT - {"E_OP_NOT_LINKED"}  # of a build, not of a file


@pytest.mark.parametrize("name", ["reshape", "conv_2d"])
def test_every_truncation_is_refused(name: str) -> None:
    packed = good(name)
    for length in range(len(packed)):
        assert statuses(packed[:length]) == ("E_TRUNCATED", "E_TRUNCATED")


def test_a_file_that_claims_its_truncated_length_is_refused_too() -> None:
    packed = good("conv_2d")
    for length in range(HEADER_BYTES, len(packed) - 16):  # less than that is padding
        cut = bytearray(packed[:length])
        cut[8:12] = length.to_bytes(4, "little")
        cut[CRC_OFFSET : CRC_OFFSET + 4] = zlib.crc32(cut[16:]).to_bytes(4, "little")
        opened, crc = statuses(bytes(cut))
        assert crc == "OK"
        assert opened in ("E_BOUNDS", "E_TENSOR"), length


def test_the_checksum_sees_every_single_bit() -> None:
    packed = good("conv_2d")
    for bit in range(8 * len(packed)):
        flipped = bytearray(packed)
        flipped[bit // 8] ^= 1 << bit % 8
        assert STATUS[_core.Model.crc_status(bytes(flipped))] != "OK", f"bit {bit}"


def test_golden_files_are_small() -> None:
    sizes = [path.stat().st_size for folder in (GOOD, BAD) for path in Path(folder).iterdir()]
    assert sum(sizes) < 600_000


# ---- What no importer writes, but the format allows ----------------------------------------------------------


def test_a_convolution_may_leave_out_rows_and_columns() -> None:
    """An output smaller than the image: the windows that are left lie where they lay before."""
    edited = Editor(good("conv_2d"))
    window = edited.record("params", 1).window
    assert (window.kernel_h, window.kernel_w, window.out_h, window.out_w) == (1, 1, 4, 6)
    edited.set("params", 1, window__out_h=3, window__out_w=5)
    edited.set("tensors", edited.arg("steps", 1, 1), dims=[1, 3, 5, 4, 1, 1])
    x = np.frombuffer(good("conv_2d", ".in"), np.int8, 7 * 6 * 3).reshape(1, 7, 6, 3)
    with HostRunner(good("conv_2d")) as whole, HostRunner(edited.done()) as part:
        np.testing.assert_array_equal(part.run([x])[0], whole.run([x])[0][:, :3, :5])
