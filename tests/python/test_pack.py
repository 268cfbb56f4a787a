# SPDX-License-Identifier: Apache-2.0
"""The packed format from Python: the same bytes for the same model, read back whole, and damage always noticed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.material import ROOT
from tests.support.random_graphs import random_model
from tools.tflite_builder import Builder, Quant

import groat
from groat import _core
from groat.errors import ModelError
from groat.ops import op_def
from groat.pack import pack_steps, read, structs, write
from groat.pack.reader import check
from groat.pack.writer import seal
from groat.planner import PlannedBuffer, plan_memory
from groat.runners.host import HostRunner

X = Quant(0.05, -7)
HEADER = structs.sizeof("groat_header")


def header_offset(field: str) -> int:
    return int(dict(structs.ffi().typeof("groat_header").fields)[field].offset)


def with_header(packed: bytes, **fields: int) -> bytes:
    """The file with other values in its header, and the checksum right again."""
    data = bytearray(packed)
    for field, value in fields.items():
        offset = header_offset(field)
        width = structs.ffi().sizeof(dict(structs.ffi().typeof("groat_header").fields)[field].type)
        data[offset : offset + width] = value.to_bytes(width, "little")
    return seal(data)


@pytest.fixture(scope="module")
def packed() -> bytes:
    """Small: every bit of it is flipped below."""
    m = Builder()
    x = m.input((1, 4, 4, 1), quant=X, name="image")
    return groat.compile(m.build([m.relu(m.max_pool_2d(x, (2, 2)), Quant(0.1, 3))])).packed


# ---- Writing -----------------------------------------------------------------------------------------------

DIGESTS = """
import hashlib, sys
import groat
from tests.support.random_graphs import random_model
models = [open(sys.argv[1], "rb").read(), *map(random_model, range(30))]
print(hashlib.sha256(b"".join(groat.compile(model).packed for model in models)).hexdigest())
"""


def test_the_same_model_gives_the_same_bytes(digits: Path) -> None:
    for model in (digits.read_bytes(), *map(random_model, range(30))):
        assert groat.compile(model).packed == groat.compile(groat.load(model)).packed


def test_the_bytes_do_not_depend_on_the_process(digits: Path) -> None:
    """Python orders sets of strings by a hash that differs from process to process."""
    digests = set()
    for seed in ("0", "1", "4242"):
        command = [sys.executable, "-c", DIGESTS, str(digits)]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=True
        )
        digests.add(done.stdout)
    assert len(digests) == 1


def test_the_bytes_do_not_depend_on_the_name(digits: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.tflite"
    other.write_bytes(digits.read_bytes())
    assert groat.compile(digits).packed == groat.compile(other).packed


def test_equal_constants_are_stored_once() -> None:
    rng = np.random.default_rng(0)

    def size(second: Any) -> int:
        m = Builder()
        x = m.input((1, 6, 6, 16), quant=X)
        first = rng.integers(-127, 128, (16, 3, 3, 16)).astype(np.int8)
        rng2 = first if second is None else second
        y = m.conv_2d(x, first, None, Quant(0.01), X)
        return len(groat.compile(m.build([m.conv_2d(y, rng2, None, Quant(0.01), X)])).packed)

    weights_bytes = 16 * 9 * 16
    assert size(rng.integers(-127, 128, (16, 3, 3, 16)).astype(np.int8)) - size(None) >= weights_bytes


def test_everything_is_aligned() -> None:
    align = structs.constants().GROAT_ALIGN
    for seed in range(30):
        packed = groat.compile(random_model(seed)).packed
        header = structs.record(packed, "groat_header", 0)
        assert len(packed) % align == 0
        assert header.file_bytes == len(packed)
        steps = structs.table(packed, "groat_step", header.steps.offset, header.steps.count)
        assert all(step.params % align == 0 for step in steps)
        buffers = structs.table(packed, "groat_buffer", header.buffers.offset, header.buffers.count)
        assert all(buffer.offset % align == 0 for buffer in buffers)


def test_sealing_changes_the_checksum_alone(packed: bytes) -> None:
    assert seal(bytearray(packed)) == packed
    damaged = bytearray(packed)
    damaged[-1] ^= 1
    sealed = seal(damaged)
    offset = header_offset("crc32")
    assert sealed[:offset] == packed[:offset]
    assert sealed[offset : offset + 4] != packed[offset : offset + 4]
    assert _core.Model.crc_status(sealed) == 0


def test_a_struct_takes_its_own_fields_only() -> None:
    assert structs.build("groat_section", {"offset": 258, "count": 3}) == b"\x02\x01\0\0\x03\0\0\0"
    assert structs.build("groat_section", {}) == bytes(8)
    with pytest.raises(KeyError, match="groat_section has no field 'size'"):
        structs.build("groat_section", {"size": 1})
    with pytest.raises(OverflowError, match=r"groat_section\.offset cannot hold 4294967296"):
        structs.build("groat_section", {"offset": 2**32})
    with pytest.raises(OverflowError, match=r"groat_window\.in_h cannot hold -1"):
        structs.build("groat_conv_2d_params", {"window": {"in_h": -1}})


def test_an_image_too_large_for_its_field_is_an_error() -> None:
    m = Builder()
    x = m.input((1, 70_000, 1, 1), quant=X)
    with pytest.raises(ModelError, match=r"op 0 max_pool_2d: groat_window.in_h cannot hold 70000"):
        groat.compile(m.build([m.max_pool_2d(x, (2, 1))]))


def test_a_tensor_too_large_for_the_format_is_an_error() -> None:
    m = Builder()
    x = m.input((70_000, 70_000), quant=X)
    with pytest.raises(ModelError, match="cannot hold 4900000000"):
        groat.compile(m.build([m.relu(x)]))


def test_a_plan_beyond_the_format_is_an_error(digits: Path) -> None:
    graph = groat.compile(digits).graph
    steps = pack_steps(graph)
    plan = plan_memory(graph, [step.scratch_bytes for step in steps.steps])
    far = [replace(buffer, offset=2**32) for buffer in plan.buffers]
    assert all(isinstance(buffer, PlannedBuffer) for buffer in far)
    with pytest.raises(ModelError, match=r"too large for the packed format: groat_buffer\.offset cannot hold"):
        write(graph, steps, replace(plan, buffers=tuple(far)), bytes(32))


# ---- Reading back ------------------------------------------------------------------------------------------


def test_a_packed_model_is_read_back_whole() -> None:
    for seed in range(100):
        source = random_model(seed)
        compiled = groat.compile(source)
        graph, model = compiled.graph, read(compiled.packed)
        assert model.arena_bytes == compiled.plan.arena_bytes
        assert model.packing == compiled.target.packing
        assert model.source_hash == hashlib.sha256(source).digest()[:8]
        ids = compiled.tensor_ids

        def same(number: int, info: Any, graph: groat.compiler.Graph = graph) -> bool:
            tensor = graph.tensors[number]
            quantized = tensor.quantization is not None and tensor.quantization.per_tensor
            return (info.shape, info.dtype, info.scale, info.zero_point) == (
                tensor.shape,
                tensor.dtype,
                tensor.scale if quantized else 0.0,
                tensor.zero_point if quantized else 0,
            )

        for numbers, infos in ((graph.inputs, model.inputs), (graph.outputs, model.outputs)):
            assert [info.tensor_id for info in infos] == [ids[number] for number in numbers]
            assert [info.name for info in infos] == [graph.tensors[number].name for number in numbers]
        assert all(same(number, model.tensors[tensor_id]) for number, tensor_id in ids.items())
        assert [step.op for step in model.steps] == [op.kind for op in graph.ops]
        for step, op in zip(model.steps, graph.ops, strict=True):
            assert step.inputs == tuple(ids[number] for number in op_def(op.kind).arguments(op))
            assert step.outputs == tuple(ids[number] for number in op.outputs)
            inputs, outputs = ([graph.tensors[n] for n in numbers] for numbers in (op.inputs, op.outputs))
            assert step.macs == op_def(op.kind).macs(op, inputs, outputs)
        assert model.macs == compiled.report["macs"]


def test_multiply_accumulates_are_counted() -> None:
    m = Builder()
    x = m.input((2, 6, 5, 4), quant=X)
    weights = np.zeros((8, 3, 3, 2), np.int8)  # two groups
    y = m.conv_2d(x, weights, None, Quant(0.1), X, stride=(2, 1))
    z = m.depthwise_conv_2d(y, np.zeros((1, 2, 2, 16), np.int8), None, Quant(0.1), X, padding="VALID")
    w = m.fully_connected(z, np.zeros((3, 16), np.int8), None, Quant(0.1), X)
    model = read(groat.compile(m.build([w])).packed)
    assert [step.macs for step in model.steps] == [2 * 3 * 5 * 8 * 18, 2 * 2 * 4 * 16 * 4, 2 * 2 * 4 * 3 * 16]


def test_names_of_inputs_and_outputs_survive(packed: bytes) -> None:
    assert [info.name for info in read(packed).inputs] == ["image"]
    m = Builder()
    x = m.input((4,), quant=X, name="größe/π:0")
    assert [info.name for info in read(groat.compile(m.build([m.relu(x)])).packed).inputs] == ["größe/π:0"]


# ---- Damage ------------------------------------------------------------------------------------------------


def test_a_flipped_bit_is_always_noticed(packed: bytes) -> None:
    for bit in range(len(packed) * 8):
        damaged = bytearray(packed)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ModelError):
            read(bytes(damaged))


def test_a_cut_file_is_always_noticed(packed: bytes) -> None:
    for length in range(len(packed)):
        with pytest.raises(ModelError) as caught:
            read(packed[:length], "m.groat")
        if length >= HEADER:
            assert f"m.groat: the file is shorter than its header says (status -10): {length} bytes are there" in str(
                caught.value
            )


def test_bytes_behind_the_file_do_not_matter(packed: bytes) -> None:
    assert read(packed + b"left over from a larger file") == read(packed)


@pytest.mark.parametrize(("field", "value"), [("version_major", 2), ("version_major", 0), ("version_minor", 1)])
def test_another_version_is_refused_with_both_versions(packed: bytes, field: str, value: int) -> None:
    versions = {"version_major": 1, "version_minor": 0, field: value}
    with pytest.raises(ModelError) as caught:
        read(with_header(packed, **versions))
    found = f"the file has version {versions['version_major']}.{versions['version_minor']}, this runtime reads 1.0"
    assert found in str(caught.value)
    assert "pack the model again" in str(caught.value)


def test_another_packing_is_refused(packed: bytes) -> None:
    other = with_header(packed, packing=77)
    with pytest.raises(ModelError, match="packed for another instruction set"):
        check(other)
    with pytest.raises(ModelError, match="packed for another instruction set"):
        HostRunner(other)


def test_what_is_no_packed_model_is_refused(digits: Path) -> None:
    for data in (b"", b"G", digits.read_bytes(), bytes(4096)):
        with pytest.raises(ModelError, match=r"x: .* \(status -1[01]\)"):
            read(data, "x")


def test_tables_that_are_wrong_under_a_right_checksum(packed: bytes) -> None:
    """Whatever the runtime accepts can be read, and the rest is refused with its reason."""
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(4000):
        damaged = bytearray(packed)
        for _ in range(rng.integers(1, 4)):
            damaged[rng.integers(16, len(packed))] = rng.integers(256)
        data = seal(damaged)
        try:
            read(data)
        except ModelError as error:
            refused += "(status -" in str(error)
    assert 500 < refused < 3900
