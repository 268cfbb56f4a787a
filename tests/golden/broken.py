# SPDX-License-Identifier: Apache-2.0
"""The bad golden files: each is a good one with one rule of docs/SPEC.md broken, and says which status that gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.golden.edit import Editor

from groat.ops import op_row
from groat.pack import structs

ARENA_BYTES = (1 << 16, 1 << 16)
"""The memories with which the files are opened."""

NONE = 0xFFFF
HEADER_BYTES = structs.sizeof("groat_header")
CRC_OFFSET = 12


@dataclass(frozen=True)
class BadFile:
    """A file and the statuses, as named in status.def, of groat_open and groat_check_crc."""

    data: bytes
    open_status: str
    crc_status: str = "OK"


Edit = Callable[[Editor], object]
Case = tuple[str, str, str, Edit]
"""Name of the file, status, name of the good file, what is done to it."""


def bad_files(good: Mapping[str, bytes]) -> dict[str, BadFile]:
    """All bad files by name.

    Args:
        good: the packed good files by name.
    """
    files = dict(_damaged(good["conv_2d"]))
    for name, status, base, edit in (*_HEADER, *_TABLES, *_STEPS, *_OPS, *_STREAMS, *_STATES, *_MEMORIES):
        editor = Editor(good[base])
        edit(editor)
        header_fault = status in ("E_MAGIC", "E_VERSION", "E_TRUNCATED")
        files[name] = BadFile(editor.done(), status, status if header_fault else "OK")
    return files


def _damaged(packed: bytes) -> Iterator[tuple[str, BadFile]]:
    for length in (0, 1, HEADER_BYTES - 1, HEADER_BYTES, len(packed) // 2, len(packed) - 1):
        yield f"truncated_{length:03}", BadFile(packed[:length], "E_TRUNCATED", "E_TRUNCATED")
    for name, offset in (("checksum", CRC_OFFSET), ("source_hash", HEADER_BYTES - 1), ("weight", HEADER_BYTES + 64)):
        flipped = bytearray(packed)
        flipped[offset] ^= 0x10
        yield f"flipped_{name}", BadFile(bytes(flipped), "OK", "E_CRC")


# ---- Header and tables --------------------------------------------------------------------------------------


def _regions(count: int) -> Edit:
    """As many regions as said, each as large as the arena was."""

    def edit(e: Editor) -> None:
        row = structs.sizeof("groat_region")
        region = bytes(e.data[e.record("header").regions.offset :][:row])
        e.section("regions", offset=e.append(region * count), count=count)

    return edit


_HEADER: tuple[Case, ...] = (
    ("magic", "E_MAGIC", "reshape", lambda e: e.set("header", magic=0x4F525447)),
    ("version_major_next", "E_VERSION", "reshape", lambda e: e.set("header", version_major=2)),
    ("version_major_0", "E_VERSION", "reshape", lambda e: e.set("header", version_major=0)),
    ("version_minor_next", "E_VERSION", "reshape", lambda e: e.set("header", version_minor=1)),
    ("file_bytes_too_many", "E_TRUNCATED", "reshape", lambda e: e.set("header", file_bytes=len(e.data) + 1)),
    ("file_bytes_too_few", "E_TRUNCATED", "reshape", lambda e: e.set("header", file_bytes=HEADER_BYTES - 1)),
    ("packing_dsp", "E_PACKING", "conv_2d", lambda e: e.set("header", packing=2)),
    ("packing_unknown", "E_PACKING", "reshape", lambda e: e.set("header", packing=77)),
    ("arena_larger_than_given", "E_ARENA_TOO_SMALL", "reshape", lambda e: e.set("regions", bytes=ARENA_BYTES[0] + 1)),
    ("arena_larger_than_any", "E_ARENA_TOO_SMALL", "reshape", lambda e: e.set("regions", bytes=2**32 - 1)),
    ("regions_more_than_given", "E_ARENA_TOO_SMALL", "reshape", _regions(3)),
    ("regions_more_than_can_be", "E_BOUNDS", "reshape", _regions(5)),
    ("region_without_name", "E_TENSOR", "reshape", lambda e: e.set("regions", name=1000)),
    ("arena_smaller_than_buffers", "E_BOUNDS", "conv_2d", lambda e: e.set("regions", bytes=64)),
)


def _shift_section(name: str) -> Edit:
    return lambda e: e.section(name, offset=getattr(e.record("header"), name).offset + 2)


def _section(name: str, **fields: int) -> Edit:
    return lambda e: e.section(name, **fields)


def _section_cases() -> Iterator[Case]:
    for name in ("regions", "programs", "steps", "tensors", "buffers", "args", "names"):
        yield f"{name}_empty", "E_BOUNDS", "reshape", _section(name, count=0)
        yield f"{name}_past_end", "E_BOUNDS", "reshape", _section(name, count=1000)
        yield f"{name}_misaligned", "E_MISALIGNED", "reshape", _shift_section(name)
    yield "tensors_in_header", "E_BOUNDS", "reshape", _section("tensors", offset=0)
    yield "steps_far_outside", "E_BOUNDS", "reshape", _section("steps", offset=0xFFFFFFF0)
    yield "args_too_many", "E_BOUNDS", "reshape", _section("args", count=NONE)
    yield "names_not_terminated", "E_TENSOR", "reshape", _section("names", count=1)


def _swap_buffers(e: Editor) -> None:
    """Exchanges the first step of the first and the last buffer: out of order."""
    last = int(e.record("header").buffers.count) - 1
    e.set("buffers", 0, first_step=e.record("buffers", last).first_step)


def _overlap(e: Editor) -> None:
    """Moves the output of the first step onto its input."""
    e.set("buffers", e.buffer_of(0, 1), offset=e.record("buffers", e.buffer_of(0, 0)).offset)


_TABLES: tuple[Case, ...] = (
    *_section_cases(),
    ("buffer_empty", "E_TENSOR", "conv_2d", lambda e: e.set("buffers", 0, bytes=0)),
    ("buffer_ends_before_it_starts", "E_TENSOR", "conv_2d", lambda e: e.set("buffers", 2, first_step=1, last_step=0)),
    ("buffer_outlives_program", "E_TENSOR", "conv_2d", lambda e: e.set("buffers", 0, last_step=2)),
    ("buffer_region_unknown", "E_TENSOR", "conv_2d", lambda e: e.set("buffers", 0, region=3)),
    ("buffers_out_of_order", "E_TENSOR", "network", _swap_buffers),
    ("buffer_misaligned", "E_MISALIGNED", "conv_2d", lambda e: e.set("buffers", 0, offset=8)),
    ("buffer_past_arena", "E_BOUNDS", "conv_2d", lambda e: e.set("buffers", 0, bytes=2**32 - 16)),
    ("buffer_far_outside_arena", "E_BOUNDS", "conv_2d", lambda e: e.set("buffers", 0, offset=0xFFFFFFF0)),
    ("constant_misaligned", "E_MISALIGNED", "add_mul", lambda e: e.set("buffers", 0, region=0, offset=100)),
    ("constant_past_end", "E_BOUNDS", "reshape", lambda e: e.set("buffers", 0, region=0, offset=len(e.data))),
    ("constant_in_header", "E_BOUNDS", "reshape", lambda e: e.set("buffers", 0, region=0, offset=16)),
    ("buffers_overlap", "E_OVERLAP", "conv_2d", _overlap),
    ("tensor_dtype_unknown", "E_DTYPE", "reshape", lambda e: e.set("tensors", 0, dtype=9)),
    ("tensor_buffer_unknown", "E_TENSOR", "reshape", lambda e: e.set("tensors", 0, buffer=NONE)),
    ("tensor_name_outside", "E_TENSOR", "reshape", lambda e: e.set("tensors", 0, name=10000)),
    ("tensor_rank_7", "E_TENSOR", "reshape", lambda e: e.set("tensors", 0, rank=7)),
    ("tensor_dimension_0", "E_SHAPE", "reshape", lambda e: e.set("tensors", 0, dims=[2, 0, 1, 1, 1, 1])),
    ("tensor_too_large", "E_SHAPE", "reshape", lambda e: e.set("tensors", 0, dims=[2, 6, 1, 1, 1, 2])),
    ("tensor_product_wraps", "E_SHAPE", "reshape", lambda e: e.set("tensors", 0, dims=[2**16, 2**16, 1, 1, 1, 12])),
    ("tensor_product_wraps_twice", "E_SHAPE", "reshape", lambda e: e.set("tensors", 0, dims=[2**31] * 4 + [3, 4])),
    ("program_without_steps", "E_BOUNDS", "reshape", lambda e: e.set("programs", step_count=0)),
    ("program_of_more_steps", "E_BOUNDS", "reshape", lambda e: e.set("programs", step_count=2)),
    ("program_starts_late", "E_BOUNDS", "reshape", lambda e: e.set("programs", first_step=NONE)),
    ("program_args_outside", "E_BOUNDS", "reshape", lambda e: e.set("programs", args=NONE)),
    ("program_of_many_inputs", "E_BOUNDS", "reshape", lambda e: e.set("programs", inputs=NONE, outputs=NONE)),
    (
        "program_input_dead",
        "E_LIFETIME",
        "conv_2d",
        lambda e: e.set_arg(e.record("programs").args, e.arg("programs", 0, 1)),
    ),
    (
        "program_output_dead",
        "E_LIFETIME",
        "conv_2d",
        lambda e: e.set_arg(e.record("programs").args + 1, e.arg("programs", 0, 0)),
    ),
)


# ---- Steps --------------------------------------------------------------------------------------------------


def _scratch_holds_output(e: Editor) -> None:
    e.set("tensors", e.arg("steps", 0, 1), buffer=e.record("steps", 0).scratch)


def _output_is_constant(e: Editor) -> None:
    output = e.buffer_of(0, 1)
    e.set("buffers", output, region=0, offset=e.append(bytes(e.record("buffers", output).bytes)))


def _conv_in_place(e: Editor) -> None:
    e.set("tensors", e.arg("steps", 0, 1), buffer=e.buffer_of(0, 0))
    e.set("buffers", e.buffer_of(0, 0), last_step=1)


_STEPS: tuple[Case, ...] = (
    ("op_0", "E_OP_UNKNOWN", "reshape", lambda e: e.set("steps", 0, op=0)),
    ("op_of_the_future", "E_OP_UNKNOWN", "reshape", lambda e: e.set("steps", 0, op=255)),
    ("op_far_out", "E_OP_UNKNOWN", "reshape", lambda e: e.set("steps", 0, op=NONE)),
    ("params_of_another_length", "E_PARAMS", "reshape", lambda e: e.set("steps", 0, params_bytes=8)),
    ("params_misaligned", "E_MISALIGNED", "conv_2d", lambda e: e.set("steps", 0, params=98)),
    ("params_past_end", "E_BOUNDS", "conv_2d", lambda e: e.set("steps", 0, params=len(e.data) - 4)),
    ("params_far_outside", "E_BOUNDS", "conv_2d", lambda e: e.set("steps", 0, params=2**32 - 4)),
    ("params_in_header", "E_BOUNDS", "conv_2d", lambda e: e.set("steps", 0, params=0)),
    ("step_args_outside", "E_BOUNDS", "reshape", lambda e: e.set("steps", 0, args=NONE)),
    ("step_of_many_inputs", "E_BOUNDS", "reshape", lambda e: e.set("steps", 0, inputs=255)),
    ("arg_is_no_tensor", "E_BOUNDS", "reshape", lambda e: e.set_arg(0, NONE)),
    ("step_without_inputs", "E_PARAMS", "conv_2d", lambda e: e.set("steps", 0, inputs=0)),
    ("input_dead", "E_LIFETIME", "conv_2d", lambda e: e.set("buffers", e.buffer_of(1, 0), last_step=0)),
    ("output_not_yet_alive", "E_LIFETIME", "network", lambda e: e.set("buffers", e.buffer_of(1, 1), first_step=2)),
    ("output_is_constant", "E_LIFETIME", "conv_2d", _output_is_constant),
    ("output_is_input", "E_OVERLAP", "conv_2d", _conv_in_place),
    ("scratch_missing", "E_SCRATCH", "conv_2d", lambda e: e.set("steps", 0, scratch=NONE)),
    (
        "scratch_too_small",
        "E_SCRATCH",
        "conv_2d",
        lambda e: e.set("buffers", e.record("steps", 0).scratch, bytes=8),
    ),
    (
        "scratch_of_another_step",
        "E_SCRATCH",
        "conv_2d",
        lambda e: e.set("steps", 0, scratch=e.record("steps", 1).scratch),
    ),
    ("scratch_holds_output", "E_OVERLAP", "conv_2d", _scratch_holds_output),
)


# ---- Rules of single ops ------------------------------------------------------------------------------------


def _rule(op: str, rule: str, base: str, step: int, status: str = "E_PARAMS", **fields: Any) -> Case:
    """A file whose step has parameters that break a rule."""
    return f"{op}_{rule}", status, base, lambda e: e.set("params", step, **fields)


def _past_end(op: str, what: str, base: str, step: int, field: str) -> Case:
    """A file whose step has a constant, of more than 16 bytes, that starts in the last 16."""
    return f"{op}_{what}_past_end", "E_BOUNDS", base, lambda e: e.set("params", step, **{field: len(e.data) - 16})


def _shape(op: str, rule: str, base: str, step: int, position: int, status: str, **fields: Any) -> Case:
    """A file whose step has an argument that breaks a rule."""
    return f"{op}_{rule}", status, base, lambda e: e.set("tensors", e.arg("steps", step, position), **fields)


def _channel(op: str, rule: str, base: str, field: str, value: int) -> Case:
    """A file with a constant of an output channel out of range."""

    def edit(e: Editor) -> None:
        offset = int(e.record("params", 0).channels)
        channel = structs.record(bytes(e.data), "groat_channel", offset)
        setattr(channel, field, value)
        instance = structs.ffi()
        raw = bytes(instance.buffer(instance.addressof(channel)))
        e.data[offset : offset + len(raw)] = raw

    return f"{op}_{rule}", "E_PARAMS", base, edit


def _last_channel(step: int, offset: int) -> Callable[[Editor], Any]:
    """Sets a shift out of range in a record at `offset` bytes from a step's first channel."""

    def edit(e: Editor) -> None:
        place = int(e.record("params", step).s8.channels) + offset + 8
        e.data[place : place + 4] = (31).to_bytes(4, "little")

    return edit


def _window_rules(op: str, base: str, step: int) -> Iterator[Case]:
    for field in ("kernel_h", "kernel_w", "stride_h", "stride_w", "dilation_h", "dilation_w"):
        zero: dict[str, Any] = {f"window__{field}": 0}
        yield _rule(op, f"{field}_0", base, step, **zero)
    yield _rule(op, "pad_reaches_kernel", base, step, window__pad_left=3)
    yield _rule(op, "window_past_image", base, step, window__stride_h=1000)
    yield _rule(op, "kernel_huge", base, step, window__kernel_w=0xFFFF, window__dilation_w=0xFFFF)
    yield _rule(op, "clamp_empty", base, step, act_min=1, act_max=0)


_OPS: tuple[Case, ...] = (
    _rule("reshape", "elements", "reshape", 0, "E_SHAPE", elements=11),
    _shape("reshape", "dtype", "reshape", 0, 1, "E_DTYPE", dtype=2),
    *_window_rules("conv_2d", "conv_2d", 0),
    _rule("conv_2d", "out_c", "conv_2d", 0, "E_SHAPE", out_c=6),
    _rule("conv_2d", "batches", "conv_2d", 0, "E_SHAPE", window__batches=2),
    _rule("conv_2d", "groups_0", "conv_2d", 0, groups=0),
    _rule("conv_2d", "groups_uneven", "conv_2d", 0, groups=2),
    _rule("conv_2d", "layout_unknown", "conv_2d", 0, layout=9),
    _rule("conv_2d", "weights_misaligned", "conv_2d", 0, "E_MISALIGNED", weights=104),
    _past_end("conv_2d", "weights", "conv_2d", 0, "weights"),
    _rule("conv_2d", "weights_in_header", "conv_2d", 0, "E_BOUNDS", weights=0),
    _rule("conv_2d", "channels_past_end", "conv_2d", 0, "E_BOUNDS", channels=0xFFFFFFF0),
    _channel("conv_2d", "multiplier_negative", "conv_2d", "multiplier", -1),
    _channel("conv_2d", "shift_31", "conv_2d", "shift", 31),
    _channel("conv_2d", "shift_low", "conv_2d", "shift", -32),
    _shape("conv_2d", "input_dtype", "conv_2d", 0, 0, "E_DTYPE", dtype=2),
    _shape("conv_2d", "output_shape", "conv_2d", 0, 1, "E_SHAPE", dims=[1, 4, 6, 4, 1, 1]),
    *_window_rules("depthwise_conv_2d", "depthwise_conv_2d", 0),
    _past_end("depthwise_conv_2d", "weights", "depthwise_conv_2d", 0, "weights"),
    _rule("depthwise_conv_2d", "layout_unknown", "depthwise_conv_2d", 0, layout=9),
    _channel("depthwise_conv_2d", "shift_31", "depthwise_conv_2d", "shift", 31),
    _rule("fully_connected", "depth", "fully_connected", 0, "E_SHAPE", depth=12),
    _rule("fully_connected", "sizes_wrap", "fully_connected", 0, "E_SHAPE", batches=2**31, depth=2**31),
    _rule("fully_connected", "clamp_empty", "fully_connected", 0, act_min=1, act_max=0),
    _rule("fully_connected", "layout_unknown", "fully_connected", 0, layout=9),
    _past_end("fully_connected", "weights", "fully_connected", 0, "weights"),
    _channel("fully_connected", "multiplier_negative", "fully_connected", "multiplier", -(2**31)),
    *_window_rules("average_pool_2d", "pools", 0),
    _rule("average_pool_2d", "dilation_2", "pools", 0, window__dilation_h=2),
    _rule("max_pool_2d", "dilation_2", "pools", 1, window__dilation_w=2),
    _rule("max_pool_2d", "clamp_empty", "pools", 1, act_min=1, act_max=0),
    _rule("add", "dims", "add_mul", 0, "E_SHAPE", dims=[1, 1, 1, 1, 6, 4]),
    _rule("add", "dims_0", "add_mul", 0, dims=[0, 1, 1, 1, 6, 5]),
    _rule("add", "last_stride_2", "add_mul", 0, a_strides=[0, 0, 0, 0, 0, 2]),
    _rule("add", "reads_past_end", "add_mul", 0, b_strides=[0, 0, 0, 0, 2**31, 0]),
    _rule("add", "shift_positive", "add_mul", 0, a_shift=1),
    _rule("add", "shift_low", "add_mul", 0, output_shift=-32),
    _rule("add", "left_shift_21", "add_mul", 0, left_shift=21),
    _rule("add", "clamp_empty", "add_mul", 0, act_min=1, act_max=0),
    _shape("add", "operand_dtype", "add_mul", 0, 1, "E_DTYPE", dtype=2),
    _rule("mul", "shift_31", "add_mul", 1, shift=31),
    _rule("mul", "reads_past_end", "add_mul", 1, a_strides=[0, 0, 0, 0, 6, 1]),
    _rule("mul", "clamp_empty", "add_mul", 1, act_min=1, act_max=0),
    _rule("mean", "reads_past_end", "mean", 0, reduced_strides=[1, 1, 1, 1000]),
    _rule("mean", "counts", "mean", 0, reduced_dims=[1, 1, 1, 19]),
    _rule("mean", "output", "mean", 0, "E_SHAPE", kept_dims=[1, 1, 1, 7]),
    _rule("mean", "shift_31", "mean", 0, shift=31),
    _rule("pad", "past_output", "pad_concatenation_transpose", 0, before=[0, 0, 0, 0, 0, 200]),
    _rule("pad", "wraps", "pad_concatenation_transpose", 0, before=[0, 0, 0, 0, 0, 2**32 - 1]),
    _rule("pad", "element_bytes", "pad_concatenation_transpose", 0, element_bytes=4),
    _rule("transpose", "reads_past_end", "pad_concatenation_transpose", 1, in_strides=[0, 0, 0, 0, 0, 100]),
    _rule("transpose", "element_bytes", "pad_concatenation_transpose", 1, element_bytes=4),
    _rule("transpose", "dims", "pad_concatenation_transpose", 1, "E_SHAPE", dims=[1, 1, 1, 1, 1, 5]),
    _rule("concatenation", "outer_0", "pad_concatenation_transpose", 4, outer=0),
    _rule("concatenation", "outer_uneven", "pad_concatenation_transpose", 4, outer=2),
    _shape("concatenation", "output", "pad_concatenation_transpose", 4, 3, "E_SHAPE", dims=[1, 1, 1, 1, 1, 8]),
    _shape("concatenation", "dtype", "pad_concatenation_transpose", 4, 3, "E_DTYPE", dtype=2),
    _rule("softmax", "table_empty", "softmax", 0, table_count=0),
    _rule("softmax", "table_long", "softmax", 0, table_count=257),
    _past_end("softmax", "table", "softmax", 0, "table"),
    _rule("softmax", "rows", "softmax", 0, "E_SHAPE", rows=4),
    _rule("lut", "elements", "tables", 0, "E_SHAPE", elements=35),
    _past_end("lut", "table", "tables", 0, "table"),
    _rule("lut", "table_misaligned", "tables", 0, "E_MISALIGNED", table=97),
    _shape("lut", "in_place_of_other_size", "float_ends", 1, 1, "E_OVERLAP", dims=[1, 1, 1, 1, 1, 1]),
    _rule("quantize", "scale_0", "float_ends", 0, scale=0.0),
    _rule("quantize", "scale_nan", "float_ends", 0, scale=float("nan")),
    _rule("quantize", "zero_point_128", "float_ends", 0, zero_point=128),
    _shape("quantize", "input_dtype", "float_ends", 0, 0, "E_DTYPE", dtype=3),
    _rule("dequantize", "zero_point_low", "float_ends", 2, zero_point=-129),
    _rule("dequantize", "elements", "float_ends", 2, "E_SHAPE", elements=9),
    _rule("conv_2d_s4", "block_0", "weights_int4", 0, block=0),
    _rule("conv_2d_s4", "block_of_too_many", "weights_int4", 0, block=41),
    _rule("conv_2d_s4", "block_needs_scratch", "weights_int4", 0, "E_SCRATCH", block=40),
    _rule("conv_2d_s4", "groups_0", "weights_int4", 2, s8__groups=0),
    _rule("conv_2d_s4", "layout_unknown", "weights_int4", 0, s8__layout=9),
    _rule("conv_2d_s4", "clamp_empty", "weights_int4", 0, s8__act_min=1, s8__act_max=0),
    _rule("conv_2d_s4", "weights_misaligned", "weights_int4", 0, "E_MISALIGNED", s8__weights=88),
    _past_end("conv_2d_s4", "weights", "weights_int4", 0, "s8__weights"),
    _rule("conv_2d_s4", "channels_past_end", "weights_int4", 0, "E_BOUNDS", s8__channels=0xFFFFFFF0),
    _rule("conv_2d_s4", "kernel_huge", "weights_int4", 0, s8__window__kernel_w=0xFFFF, s8__window__dilation_w=0xFFFF),
    ("conv_2d_s4_last_channel", "E_PARAMS", "weights_int4", _last_channel(0, 39 * 12)),
    _rule("depthwise_conv_2d_s4", "out_c", "weights_int4", 1, "E_SHAPE", s8__out_c=80),
    _rule("depthwise_conv_2d_s4", "layout_unknown", "weights_int4", 1, s8__layout=9),
    _past_end("depthwise_conv_2d_s4", "weights", "weights_int4", 1, "s8__weights"),
    ("depthwise_conv_2d_s4_last_channel", "E_PARAMS", "weights_int4", _last_channel(1, 39 * 12)),
    _rule("fully_connected_s4", "layout_unknown", "weights_int4", 3, s8__layout=9),
    _rule("fully_connected_s4", "depth", "weights_int4", 3, "E_SHAPE", s8__depth=109),
    _rule("fully_connected_s4", "sizes_wrap", "weights_int4", 3, "E_SHAPE", s8__batches=2**31, s8__depth=2**31),
    _past_end("fully_connected_s4", "weights", "weights_int4", 3, "s8__weights"),
    ("fully_connected_s4_last_channel", "E_PARAMS", "weights_int4", _last_channel(3, 30 * 12)),
    _rule("conv_2d_float32", "groups_0", "filters_float32", 0, groups=0),
    _rule("conv_2d_float32", "clamp_empty", "filters_float32", 0, act_min=1.0, act_max=0.0),
    _rule("conv_2d_float32", "clamp_nan", "filters_float32", 0, act_min=float("nan")),
    _rule("conv_2d_float32", "layout_unknown", "filters_float32", 0, layout=9),
    _rule("conv_2d_float32", "in_c_of_too_many_bytes", "filters_float32", 0, window__in_c=16384),
    _rule("conv_2d_float32", "weights_past_end", "filters_float32", 0, "E_BOUNDS", weights=0xFFFFFFF0),
    _rule("conv_2d_float32", "channels_misaligned", "filters_float32", 0, "E_MISALIGNED", channels=100),
    _shape("conv_2d_float32", "dtype", "filters_float32", 0, 0, "E_DTYPE", dtype=3),
    _rule("depthwise_conv_2d_float32", "out_c", "filters_float32", 2, "E_SHAPE", out_c=12),
    _rule("depthwise_conv_2d_float32", "layout_unknown", "filters_float32", 2, layout=9),
    _rule("depthwise_conv_2d_float32", "weights_past_end", "filters_float32", 2, "E_BOUNDS", weights=0xFFFFFFF0),
    _rule("fully_connected_float32", "depth", "filters_float32", 4, "E_SHAPE", depth=9),
    _rule("fully_connected_float32", "sizes_wrap", "filters_float32", 4, "E_SHAPE", batches=2**31, depth=2**31),
    _rule("fully_connected_float32", "clamp_nan", "filters_float32", 4, act_max=float("nan")),
    _rule("fully_connected_float32", "channels_past_end", "filters_float32", 4, "E_BOUNDS", channels=0xFFFFFFF0),
    _rule("average_pool_2d_float32", "dilation", "elementwise_float32", 0, window__dilation_h=2),
    _rule("average_pool_2d_float32", "clamp_nan", "elementwise_float32", 0, act_min=float("nan")),
    _rule("max_pool_2d_float32", "kernel_0", "elementwise_float32", 1, window__kernel_h=0),
    _rule("add_float32", "dims", "elementwise_float32", 2, "E_SHAPE", dims=[1, 1, 1, 1, 1, 91]),
    _rule("add_float32", "clamp_empty", "elementwise_float32", 2, act_min=1.0, act_max=0.5),
    _rule("mul_float32", "stride_2", "elementwise_float32", 3, b_strides=[0, 0, 0, 0, 0, 2]),
    _rule("softmax_float32", "depth_0", "functions_float32", 1, "E_SHAPE", depth=0),
    _rule("softmax_float32", "rows", "functions_float32", 1, "E_SHAPE", rows=4),
    _rule("sigmoid_float32", "tanh_2", "functions_float32", 0, tanh=2),
    _rule("sigmoid_float32", "elements", "functions_float32", 0, "E_SHAPE", elements=26),
    ("op_of_other_params", "E_PARAMS", "reshape", lambda e: e.set("steps", 0, op=op_row("lut").id)),
)


# ---- Streams ------------------------------------------------------------------------------------------------

# The model `streamed` has lines 0 input, 1 stem, 2 depthwise, 3 add (in the buffer of 2) and 4 pool, which is kept.


def _line(rule: str, index: int, status: str = "E_STREAM", **fields: int) -> Case:
    return f"line_{rule}", status, "streamed", lambda e: e.set("lines", index, **fields)


def _stream(rule: str, status: str = "E_STREAM", **fields: int) -> Case:
    return f"stream_{rule}", status, "streamed", lambda e: e.set("streams", 0, **fields)


def _ring_too_short(e: Editor) -> None:
    e.set("lines", 1, slots=e.record("lines", 1).slots - 1)


def _over(e: Editor) -> None:
    """The last buffer over the first, which is no image that its stream reads."""
    e.set("buffers", e.record("header").buffers.count - 1, over=0)


def _ring_without_room(e: Editor) -> None:
    line = e.record("lines", 1)
    e.set("lines", 1, slots=line.slots + 1)


def _no_room_for_padding(e: Editor) -> None:
    tensor = e.record("tensors", e.arg("steps", 1, 0))
    e.set("lines", 1, pitch=tensor.dims[2] * tensor.dims[3])


def _buffer_dies_inside(e: Editor) -> None:
    e.set("buffers", e.buffer_of(1, 0), last_step=1)


def _read_outside(e: Editor) -> None:
    """The last step is cut off the stream, and still reads a ring."""
    e.set("tensors", e.arg("steps", 3, 1), line=NONE)
    e.set("streams", 0, step_count=e.record("streams").step_count - 1, line_count=e.record("streams").line_count - 1)
    e.section("lines", count=e.record("header").lines.count - 1)


def _shares_state(e: Editor) -> None:
    e.set("streams", 0, state=e.buffer_of(1, 0))


def _another_tensors_line(e: Editor) -> None:
    e.set("tensors", e.arg("steps", 1, 0), line=0)


_STREAMS: tuple[Case, ...] = (
    ("streams_past_end", "E_BOUNDS", "streamed", _section("streams", count=1000)),
    ("streams_misaligned", "E_MISALIGNED", "streamed", _shift_section("streams")),
    ("lines_past_end", "E_BOUNDS", "streamed", _section("lines", count=1000)),
    ("lines_left_over", "E_LIFETIME", "streamed", _section("streams", count=0)),
    ("tensor_line_unknown", "E_STREAM", "streamed", lambda e: e.set("tensors", 0, line=99)),
    _stream("without_steps", "E_LIFETIME", step_count=0),
    _stream("of_more_steps", step_count=100),
    _stream("without_lines", line_count=0),
    _stream("of_more_lines", line_count=65),
    _stream("starts_late", first_line=1),
    _stream("without_state", "E_SCRATCH", state=NONE),
    ("stream_state_is_a_ring", "E_OVERLAP", "streamed", _shares_state),
    ("stream_buffer_dies_inside", "E_LIFETIME", "streamed", _buffer_dies_inside),
    ("stream_ring_read_outside", "E_LIFETIME", "streamed", _read_outside),
    ("line_ring_too_short", "E_OVERLAP", "streamed", _ring_too_short),
    ("buffer_over_another", "E_STREAM", "streamed", _over),
    ("buffer_over_none", "E_STREAM", "streamed", lambda e: e.set("buffers", 0, over=900)),
    ("line_ring_without_room", "E_STREAM", "streamed", _ring_without_room),
    ("line_no_room_for_padding", "E_SCRATCH", "streamed", _no_room_for_padding),
    ("line_of_another_tensor", "E_STREAM", "streamed", _another_tensors_line),
    _line("without_slots", 1, "E_SHAPE", slots=0),
    _line("without_span", 1, span=0),
    _line("span_beyond_width", 1, span=200),
    _line("span_of_a_padded_row", 1, span=1),
    _line("without_row_step", 1, row_step=0),
    _line("first_row_of_one_line", 1, first_row=1),
    _line("taps_of_one_line", 1, taps=1),
    _line("then_another_stream", 1, then=90),
    _line("then_itself", 1, then=1),
    _line("then_an_input", 1, then=0),
    _line("more_than_there_are", 4, more=1),
    _line("input_in_pieces", 0, span=1),
    _line("lead_too_short", 1, "E_SCRATCH", lead=0),
    _line("lead_huge", 1, lead=0xFFFFFFF0),
    _line("pitch_huge", 1, pitch=0xFFFFFFF0),
    _line("padding_differs", 1, "E_SCRATCH", padding=1),
    _line("kept_2", 4, kept=2),
    _line("ring_kept", 1, kept=1),
    _line("input_kept", 0, kept=1),
    _line("step_unknown", 1, step=200),
    _line("step_of_another_line", 1, step=1),
    _line("input_that_is_none", 1, step=NONE),
)


# ---- Several memories ---------------------------------------------------------------------------------------

# In the model `with_two_memories` step 2 copies from region 1 to region 2, and step 3 works in region 2 alone.


def _other_region(e: Editor) -> None:
    """A copy that lies in the slow region, in the fast one."""
    e.set("buffers", e.buffer_of(2, 1), region=1, offset=0)


def _overlap_in_second(e: Editor) -> None:
    """What a step makes in the slow region lies where its input does."""
    e.set("buffers", e.buffer_of(3, 1), offset=e.record("buffers", e.buffer_of(3, 0)).offset)


def _depthwise_in_place(e: Editor) -> None:
    """Windows of one column never stick out at a side, so that nothing keeps the rows that are overwritten."""
    e.set("buffers", e.buffer_of(3, 0), last_step=4)
    e.set("tensors", e.arg("steps", 3, 1), buffer=e.buffer_of(3, 0))


def _beyond_second(e: Editor) -> None:
    e.set("buffers", e.buffer_of(3, 1), offset=e.record("regions", 1).bytes)


def _without_second(e: Editor) -> None:
    e.section("regions", count=1)


def _state(tensor: int, kind: int = 0) -> Edit:
    """A table of one state, in a model that keeps nothing."""

    def edit(e: Editor) -> None:
        e.section("states", offset=e.append(structs.build("groat_state", {"tensor": tensor, "kind": kind})), count=1)

    return edit


def _swap_places(e: Editor) -> None:
    """The buffers of two states change places."""
    first, second = (e.record("tensors", e.record("states", index).tensor).buffer for index in (0, 1))
    offset = e.record("buffers", first).offset
    e.set("buffers", first, offset=e.record("buffers", second).offset)
    e.set("buffers", second, offset=offset)


def _lstm_shares(e: Editor) -> None:
    """What a long short-term memory of a single step starts from lies where its output goes."""
    count = e.record("header").steps.count
    step = max(i for i in range(count) if e.record("steps", i).op == op_row("lstm_int8").id)
    e.set_arg(e.record("steps", step).args + 1, e.arg("steps", step, 3))


_STATES: tuple[Case, ...] = (
    ("states_past_end", "E_BOUNDS", "conv_2d", _section("states", count=1000)),
    ("states_misaligned", "E_MISALIGNED", "conv_2d", _shift_section("states")),
    ("state_of_no_tensor", "E_STATE", "conv_2d", _state(0xFFF0)),
    ("state_of_unknown_kind", "E_STATE", "conv_2d", _state(0, kind=3)),
    ("state_before_another_kind", "E_STATE", "with_variables", lambda e: e.set("states", 1, kind=1)),
    ("state_of_another_place", "E_STATE", "with_variables", lambda e: _swap_places(e)),
    ("state_that_starts_beyond", "E_BOUNDS", "with_variables", lambda e: e.set("states", 0, initial=1 << 20)),
    ("lstm_state_in_anothers_place", "E_OVERLAP", "with_variables", _lstm_shares),
    ("state_that_lives_for_a_while", "E_STATE", "add_mul", lambda e: _state(e.arg("steps", 1, 2))(e)),
)

_MEMORIES: tuple[Case, ...] = (
    ("region_of_another_buffer", "E_OVERLAP", "with_two_memories", _other_region),
    ("region_2_overlap", "E_OVERLAP", "with_two_memories", _overlap_in_second),
    ("depthwise_in_place", "E_OVERLAP", "with_two_memories", _depthwise_in_place),
    ("region_2_beyond", "E_BOUNDS", "with_two_memories", _beyond_second),
    ("region_2_missing", "E_TENSOR", "with_two_memories", _without_second),
    ("region_2_too_large", "E_ARENA_TOO_SMALL", "with_two_memories", lambda e: e.set("regions", 1, bytes=2**32 - 16)),
    ("region_2_without_name", "E_TENSOR", "with_two_memories", lambda e: e.set("regions", 1, name=1000)),
)
