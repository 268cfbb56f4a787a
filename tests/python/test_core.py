# SPDX-License-Identifier: Apache-2.0
"""The extension module: its tables agree with C, and its Model gives bytes and errors as promised.

The packed model here is laid out by hand, so that these tests stand without the packer.
"""

from __future__ import annotations

import contextlib
import threading
import zlib

import cffi
import numpy as np
import pytest

from groat import _core
from groat.pack import structs

ALIGN = 16
ARENA_BYTES = 4 * ALIGN
SHAPE = (2, 10)
ELEMENTS = 20
NONE = structs.constants().GROAT_NONE
OPS = {name: op_id for op_id, _, name, *_ in _core.op_table()}


@pytest.fixture(scope="module")
def ffi() -> cffi.FFI:
    ffi = cffi.FFI()
    ffi.cdef(_core.format_cdef())
    return ffi


def lut_model(ffi: cffi.FFI, table: bytes) -> bytearray:
    """Two LUT steps, x[2, 10] int8 -> h -> y, through one table."""
    image = bytearray(ffi.sizeof("groat_header"))

    def add(data: bytes) -> int:
        image.extend(bytes(-len(image) % ALIGN))
        offset = len(image)
        image.extend(data)
        return offset

    def records(kind: str, rows: list[dict[str, object]]) -> dict[str, int]:
        return {"offset": add(bytes(ffi.buffer(ffi.new(f"{kind}[]", rows)))), "count": len(rows)}

    params = ffi.new("groat_lut_params *", {"elements": ELEMENTS, "table": add(table)})
    params_at = add(bytes(ffi.buffer(params)))
    step = {"op": OPS["lut"], "inputs": 1, "outputs": 1, "scratch": 0xFFFF, "params": params_at, "params_bytes": 8}
    names = b"x\0h\0y\xff\0"
    tensor = {"dtype": 1, "rank": 2, "line": 0xFFFF, "dims": [*SHAPE, 1, 1, 1, 1], "scale": 0.5}
    header = ffi.new(
        "groat_header *",
        {
            "magic": int.from_bytes(b"GORT", "little"),
            "version_major": 1,
            "regions": records("groat_region", [{"bytes": ARENA_BYTES}]),
            "packing": 1,
            "programs": records(
                "groat_program",
                [{"name": b"infer", "first_step": 0, "step_count": 2, "args": 4, "inputs": 1, "outputs": 1}],
            ),
            "steps": records("groat_step", [{**step, "args": 0}, {**step, "args": 2}]),
            "tensors": records(
                "groat_tensor",
                [{**tensor, "buffer": i, "name": 2 * i, "zero_point": i - 1} for i in range(3)],
            ),
            "buffers": records(
                "groat_buffer",
                [
                    {"offset": 0, "bytes": ELEMENTS, "first_step": 0, "last_step": 0, "region": 1, "over": NONE},
                    {"offset": 32, "bytes": ELEMENTS, "first_step": 0, "last_step": 1, "region": 1, "over": NONE},
                    {"offset": 0, "bytes": ELEMENTS, "first_step": 1, "last_step": 1, "region": 1, "over": NONE},
                ],
            ),
            "args": {"offset": add(np.array([0, 1, 1, 2, 0, 2], np.uint16).tobytes()), "count": 6},
            "names": {"offset": add(names), "count": len(names)},
            "streams": {"offset": len(image) // 4 * 4, "count": 0},
            "lines": {"offset": len(image) // 4 * 4, "count": 0},
            "states": {"offset": len(image) // 4 * 4, "count": 0},
        },
    )
    header.file_bytes = len(image)
    image[: ffi.sizeof("groat_header")] = bytes(ffi.buffer(header))
    return seal(image)


def seal(image: bytearray) -> bytearray:
    image[12:16] = zlib.crc32(image[16:]).to_bytes(4, "little")
    return image


@pytest.fixture
def table() -> np.ndarray:
    return np.random.default_rng(1).permutation(256).astype(np.uint8)


@pytest.fixture
def packed(ffi: cffi.FFI, table: np.ndarray) -> bytearray:
    return lut_model(ffi, table.tobytes())


def test_cffi_lays_out_the_structs_as_c_does(ffi: cffi.FFI) -> None:
    sizes = _core.struct_sizes()
    assert {name: ffi.sizeof(name) for name in sizes} == sizes
    assert {f"groat_{name}_params" for name in OPS} < set(sizes)


def test_tables() -> None:
    for op_id, upper, lower, *_ in _core.op_table():
        assert upper == lower.upper()
        assert f"groat_{lower}_params" in _core.struct_sizes()
        assert op_id > 0
    codes = [code for _, code, _ in _core.status_table()]
    assert codes[0] == 0
    assert len(set(codes)) == len(codes)


def test_scratch_of_a_convolution_grows_with_its_kernel(ffi: cffi.FFI) -> None:
    def scratch(rows: int) -> int:
        window = {"kernel_h": rows, "kernel_w": 3, "batches": 1, "in_h": 8, "in_w": 8, "in_c": 4}
        window |= {"out_h": 8, "out_w": 8, "pad_top": 1, "pad_left": 1}
        window |= {"stride_h": 1, "stride_w": 1, "dilation_h": 1, "dilation_w": 1}
        params = ffi.new("groat_conv_2d_params *", {"window": window, "out_c": 4, "groups": 1})
        return _core.scratch_bytes(OPS["conv_2d"], bytes(ffi.buffer(params)))

    assert scratch(5) > scratch(3) > 0


def test_scratch_refuses_what_is_no_parameter_struct() -> None:
    with pytest.raises(ValueError, match="77"):
        _core.scratch_bytes(77, b"")
    with pytest.raises(ValueError, match="take 8 bytes, not 7"):
        _core.scratch_bytes(OPS["lut"], bytes(7))


def test_model_describes_itself(packed: bytearray) -> None:
    model = _core.Model(packed)
    assert (model.input_count, model.output_count, model.step_count) == (1, 1, 2)
    assert model.arena_bytes == ARENA_BYTES
    assert model.input_info(0) == ("x", 1, SHAPE, 0.5, -1)
    assert model.tensor_info(1) == ("h", 1, SHAPE, 0.5, 0)
    assert model.output_info(0) == ("y\ufffd", 1, SHAPE, 0.5, 1)


def test_run_and_steps_agree(packed: bytearray, table: np.ndarray) -> None:
    model = _core.Model(packed)
    x = np.arange(-10, 10, dtype=np.int8)
    model.set_input(0, x)
    model.run()
    want = table[table[x.view(np.uint8)]].tobytes()
    assert model.get_output(0) == want
    model.set_input(0, x.reshape(SHAPE))
    model.run_step(0)
    assert model.tensor(1) == table[x.view(np.uint8)].tobytes()
    model.run_step(1)
    assert model.get_output(0) == want


def test_batch_equals_single_runs(packed: bytearray, table: np.ndarray) -> None:
    x = np.random.default_rng(2).integers(0, 256, (1000, ELEMENTS), np.uint8)
    assert _core.Model(packed).run_batch([x]) == [table[table[x]].tobytes()]
    assert _core.Model(packed).run_batch([x[:0]]) == [b""]


@pytest.mark.parametrize(
    "inputs",
    [
        [],
        [np.zeros((3, 20), np.uint8)] * 2,
        [np.zeros((3, 19), np.uint8)],
        [np.zeros(20, np.uint8)],
        [np.zeros((3, 5), np.float32)],
        [np.zeros((20, 3), np.uint8).T],
    ],
)
def test_batch_refuses_other_shapes(packed: bytearray, inputs: list[np.ndarray]) -> None:
    with pytest.raises((ValueError, BufferError)):
        _core.Model(packed).run_batch(inputs)


def test_wrong_calls_change_nothing(packed: bytearray) -> None:
    model = _core.Model(packed)
    with pytest.raises(ValueError, match="takes 20 bytes, not 19"):
        model.set_input(0, bytes(19))
    for call in (model.input_info, model.output_info, model.get_output, model.run_step, model.tensor):
        with pytest.raises(IndexError, match="3 does not exist"):
            call(3)
    with pytest.raises(TypeError):
        model.set_input(0, 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        model.input_info(-1)


def test_refused_models_say_why(packed: bytearray) -> None:
    def status(data: bytes) -> tuple[str, int]:
        with pytest.raises(_core.StatusError) as caught:
            _core.Model(data)
        return caught.value.name, caught.value.code

    assert status(b"") == ("E_TRUNCATED", -10)
    assert status(packed[:-1]) == ("E_TRUNCATED", -10)
    assert status(bytes(200)) == ("E_MAGIC", -11)
    damaged = bytearray(packed)
    damaged[-1] ^= 1
    assert status(damaged) == ("E_CRC", -13)
    huge = bytearray(packed)
    offset = dict(structs.ffi().typeof("groat_header").fields)["packing"].offset
    huge[offset : offset + 2] = (9).to_bytes(2, "little")
    assert status(seal(huge)) == ("E_PACKING", -14)


def test_static_status(packed: bytearray) -> None:
    assert _core.Model.crc_status(packed) == 0
    assert _core.Model.open_status(packed, ARENA_BYTES) == 0
    assert _core.Model.open_status(packed, ARENA_BYTES - 1) == -3
    packed[-1] ^= 1
    assert _core.Model.crc_status(packed) == -13


def test_a_second_thread_is_told_to_wait(packed: bytearray) -> None:
    model = _core.Model(packed)
    x = np.zeros((3_000_000, ELEMENTS), np.uint8)
    thread = threading.Thread(target=model.run_batch, args=([x],))
    thread.start()
    refused = False
    while thread.is_alive() and not refused:
        with contextlib.suppress(RuntimeError):
            model.run()
            continue
        refused = True
    thread.join()
    assert refused
    model.run()
