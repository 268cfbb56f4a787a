# SPDX-License-Identifier: Apache-2.0
"""Weights and constants for the DSP extension's kernels (runtime/kernels/dsp/).

Two shortcuts are taken where they are proven exact for every possible input, pair by pair:

- Raw halfwords: two channels' weights in one halfword, 256 * w1 + w0.  It must fit 16 bits, and the second channel's
  sum must fit 24.
- Requantisation in five instructions: bias, rounding and output zero point are folded into constants.  The
  accumulator must stay below 2^30, the shift must go right, and the clamp must be that of int8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from groat.graph.ir import Array
from groat.ops.arithmetic import Int64, requantize
from groat.pack.layouts import Candidate, Filters, Packed, dsp_stairs, nibbles, ref, winograd
from groat.pack.layouts.costs import expected
from groat.pack.layouts.dsp_s16 import conv_s16 as conv_s16
from groat.pack.layouts.dsp_s16 import depthwise_s16 as depthwise_s16
from groat.pack.layouts.fpu import conv_f32 as conv_f32
from groat.pack.layouts.fpu import depthwise_f32 as depthwise_f32
from groat.pack.layouts.plain_float import conv_f16 as conv_f16
from groat.pack.layouts.plain_float import depthwise_f16 as depthwise_f16

BLOCK = 2
_FAST, _RAW, _SHORT, _ENDS_RUN = 0x100, 0x200, 0x400, -(1 << 31)
_SHORT_BITS, _SHORT_SCALE = 12, 8  # of the short requantisation of convolutions
_MOST_PIXELS = 3
_WINOGRAD = {6: winograd.F4, 7: winograd.F2}  # layouts
_WINOGRAD_QUADS = 16  # the most quads of input channels that their kernels take
_WIDE = 3  # the first layout of convolutions whose weights are widened to 16 bits
_PANEL_BYTES = 2560  # what a block of pixels may take, if that allows more than one
_LOW, _HIGH = -128, 127  # of an input
_FOURS, _DENSE, _PLANES = 1, 2, 3  # layouts of depthwise convolutions beside the reference's
_ANY = 0x10000
_SLIDE_BITS, _MOST_SCALE = 9, 8  # of the short requantisation along planes
_MOST_TAPS, _MOST_STRIDE, _MOST_ROWS = 7, 2, 15  # of filters that slide along planes
_TINY = 36  # outputs of an image for which setting planes up costs what a 3x3 filter gains by sliding
_SHORT_ROW = 9  # the same of outputs of a row
_LIMIT = 1 << 30  # of an accumulator that is about to be doubled


@dataclass(frozen=True)
class _Channels:
    """Constants of all channels, as groat_requantize takes them, and whether the short way is exact for each.

    Attributes: int64 [channels]; `fits` bool, sums fit 30 bits and the shift goes right; `fast` bool; `folded`
    [channels, 4], the record of the short way; `constant` bool, the output is `output` whatever the inputs are.
    """

    bias: Int64
    multiplier: Int64
    shift: Int64
    fits: Array
    fast: Array
    folded: Int64
    constant: Array
    output: Int64

    def plain(self) -> Int64:
        """The records of the long way."""
        return np.stack([self.bias, self.multiplier, np.zeros_like(self.bias), self.shift & 0xFF], axis=1)


def _sum_range(weights: Int64) -> tuple[Int64, Int64]:
    """(least, greatest) sum of inputs times weights [channels, inputs], of each channel."""
    positive, negative = np.maximum(weights, 0).sum(axis=1), np.minimum(weights, 0).sum(axis=1)
    return positive * _LOW + negative * _HIGH, positive * _HIGH + negative * _LOW


def _channels(filters: Filters, weights: Int64) -> _Channels:
    """What can be known of each channel; `weights` are [channels, inputs]."""
    bias = np.asarray(filters.bias, np.int64)
    multiplier = np.asarray(filters.multiplier, np.int64)
    shift = np.asarray(filters.shift, np.int64)
    least, greatest = _sum_range(weights)
    least, greatest = least + bias, greatest + bias
    zero_point = np.full_like(bias, filters.output_zero_point)
    right = -shift

    # The greatest that is added up before the shift, and the accumulator itself.
    product = (np.maximum(np.abs(least), np.abs(greatest)) * multiplier >> 31) + 2
    right_or_1 = np.clip(right, 1, 31)
    offset = (zero_point << right_or_1) + (1 << (right_or_1 - 1))
    fits = (least > -_LIMIT) & (greatest < _LIMIT)
    full_range = filters.act_min == _LOW and filters.act_max == _HIGH
    fits &= right >= 1
    fast = fits & (product + np.abs(offset) < 1 << 31)
    columns = [2 * bias, multiplier, offset, right]

    # A channel whose output is the same for every input needs no product, and so is always fast.
    left = np.maximum(shift, 0)
    unshifted = (least << left >= -(1 << 31)) & (greatest << left < 1 << 31)
    scaled = [
        requantize(np.clip(end, -(1 << 31), (1 << 31) - 1), multiplier, shift) + zero_point for end in (least, greatest)
    ]
    unshifted &= (scaled[0] >= -(1 << 31)) & (scaled[1] < 1 << 31)
    ends = [np.clip(value, filters.act_min, filters.act_max) for value in scaled]
    sums_fit = (least - bias > -_LIMIT) & (greatest - bias < _LIMIT)
    constant = unshifted & sums_fit & (ends[0] == ends[1]) & (not filters.acc_offset)
    alone = [np.zeros_like(bias), np.zeros_like(bias), ends[0] * 2 + 1, np.ones_like(bias)]
    folded = np.stack([np.where(constant, a, b) for a, b in zip(alone, columns, strict=True)], axis=1)
    return _Channels(bias, multiplier, shift, fits, (fast & full_range) | constant, folded, constant, ends[0])


# ---- Convolution ----------------------------------------------------------------------------------------


def _panel_order(weights: Array) -> Int64:
    """[channels, rows, taps, run] in the order of the kernel's panel: [channels, quads, 4]."""
    count, run = weights.shape[0], weights.shape[3]
    whole = run // 4 * 4
    flat = np.concatenate([weights[..., :whole].reshape(count, -1), weights[..., whole:].reshape(count, -1)], axis=1)
    return np.pad(flat.astype(np.int64), ((0, 0), (0, -flat.shape[1] % 4))).reshape(count, -1, 4)


def _raw_words(first: Int64, second: Int64) -> Int64:
    """256 * second + first, elements 0 and 2 of each quad in one word, 1 and 3 in the next: [quads, 2]."""
    halves = (256 * second + first) & 0xFFFF
    return halves[:, :2] | halves[:, 2:] << 16


def _plain_words(first: Int64, second: Int64) -> Int64:
    """A quad of the first channel in one word, of the second in the next: [quads, 2]."""
    quads = np.stack([first, second], axis=1) & 0xFF
    return np.asarray((quads << np.array([0, 8, 16, 24])).sum(axis=2), np.int64)


def _wide_words(first: Int64, second: Int64) -> Int64:
    """Halfwords: for each half of a quad (elements 0 and 2; 1 and 3) a word of each channel: [quads, 4]."""
    halves = np.stack([first, second], axis=1) & 0xFFFF
    words = halves[:, :, :2] | halves[:, :, 2:] << 16
    return words.transpose(0, 2, 1).reshape(-1, 4)


def _words(values: Sequence[Int64]) -> bytes:
    return (np.concatenate([part.ravel() for part in values]) & 0xFFFFFFFF).astype("<u4").tobytes()


@dataclass(frozen=True)
class _Group:
    """What all layouts of a group of filters have in common.

    Attributes:
        ordered: its weights, as _panel_order.
        least, greatest: of the sums of each channel.
        short, records_of_short: as _short.
    """

    ordered: Int64
    channels: _Channels
    least: Int64
    greatest: Int64
    short: Array
    records_of_short: Int64


def _group(filters: Filters) -> _Group:
    ordered = _panel_order(filters.weights)
    flat = ordered.reshape(len(ordered), -1)
    channels = _channels(filters, flat)
    return _Group(ordered, channels, *_sum_range(flat), *_short(filters, channels, flat))


def _conv_group(group: _Group, layout: int) -> Packed:
    wide = layout >= _WIDE
    ordered, channels, least, greatest = group.ordered, group.channels, group.least, group.greatest
    short, records_of_short = group.short, group.records_of_short
    count, plain = len(ordered), channels.plain()
    words, records, runs = [], [], []
    for first in range(0, count, 2):
        second = first + 1
        if second == count:
            words.append((_wide_words if wide else _plain_words)(ordered[first], np.zeros_like(ordered[first])))
            records.append(np.stack([plain[first], np.zeros(4, np.int64)]))
            runs.append(0)
            continue
        halves = 256 * ordered[second] + ordered[first]
        raw = bool(halves.min() >= -(1 << 15) and least[second] >= -(1 << 23) and greatest[second] < 1 << 23)
        raw = raw and not wide
        fast = (raw or wide) and bool(channels.fast[first] and channels.fast[second])
        in_words = _wide_words if wide else _raw_words if raw else _plain_words
        words.append(in_words(ordered[first], ordered[second]))
        shortest = (raw or wide) and bool(short[first] and short[second])
        kind = _FAST | _SHORT if shortest else _FAST if fast else 0
        constants = records_of_short if shortest else channels.folded if fast else plain
        record = constants[first : first + 2].copy()
        record[0, 3] |= (_RAW if raw else 0) | kind
        records.append(record)
        runs.append(kind)
    for number, record in enumerate(records):
        if runs[number] and [runs[number]] != runs[number + 1 : number + 2]:
            record[1, 3] |= _ENDS_RUN
    return Packed(_words(words), _words(records), layout)


def _shortest(filters: Filters, channels: _Channels, weights: Int64, scale: Int64, bits: int) -> tuple[Array, Int64]:
    """(bool [channels], whether a requantisation that rounds once is exact; its constants [channels, 3])."""
    least, greatest = _sum_range(weights)
    exact = dsp_stairs.Exact(
        np.where(channels.fits, least, 0),
        np.where(channels.fits, greatest, 0),
        np.where(channels.fits, channels.bias, 0),
        channels.multiplier,
        np.maximum(-channels.shift, 1),
        filters.output_zero_point,
        filters.act_min,
        filters.act_max,
    )
    found, constants = dsp_stairs.find(exact, scale, bits)
    always = np.stack([0 * scale, 0 * scale, (2 * channels.output + 1) << (bits - 1)], axis=1)
    return found & channels.fits | channels.constant, np.where(channels.constant[:, np.newaxis], always, constants)


def _short(filters: Filters, channels: _Channels, weights: Int64) -> tuple[Array, Int64]:
    """The same for a convolution, with whole records."""
    count = len(weights)
    if filters.acc_offset or filters.output_zero_point != filters.act_min:
        return np.zeros(count, bool), np.zeros((count, 4), np.int64)  # rounding differs on both sides of zero
    found, constants = _shortest(filters, channels, weights, np.full(count, _SHORT_SCALE), _SHORT_BITS)
    return found, np.column_stack([constants, np.ones(count, np.int64)])  # a shift that is valid


def _block_pixels(filters: Filters) -> int:
    """The most pixels of a block whose panel is small enough."""
    pixel_bytes = -(-filters.weights[0].size // 4) * 8
    return max(1, min(_MOST_PIXELS, filters.pixels, _PANEL_BYTES // pixel_bytes))


def conv_s8(groups: Sequence[Filters]) -> list[Packed]:
    pixels = _block_pixels(groups[0])
    return [_conv_group(_group(filters), _MOST_PIXELS - pixels) for filters in groups]


def conv_s8_candidates(groups: Sequence[Filters]) -> list[Candidate]:
    most = _block_pixels(groups[0])
    shared = [_group(filters) for filters in groups]
    bytewise = [_conv_group(group, _MOST_PIXELS - most) for group in shared]
    offers = [_conv_candidate(groups, f"int8, {_count(most)}", bytewise, most)]
    wide = [_conv_group(group, _WIDE) for group in shared]
    for pixels in range(most, min(most, 2) - 1, -1):
        packed = [replace(part, layout=_WIDE + _MOST_PIXELS - pixels) for part in wide]
        offers.append(_conv_candidate(groups, f"int16, {_count(pixels)}", packed, pixels))
    if len(groups) == 1:
        for layout, tiling in _WINOGRAD.items():
            offers += _winograd(groups[0], layout, tiling)
    return offers


def _winograd(filters: Filters, layout: int, tiling: winograd.Tiling) -> list[Candidate]:
    """Filters transformed for such tiles, if the image has room for them and every channel takes the short way."""
    count, rows, taps, run = filters.weights.shape
    depth, image, side = filters.tap, filters.image, tiling.side
    if filters.acc_offset or image is None or min(image) < side or (rows, taps, run) != (3, 1, 3 * depth):
        return []
    if depth % 4 != 0 or depth > 4 * _WINOGRAD_QUADS or count % 2 != 0:
        return []
    places = tiling.transform(filters.weights.reshape(count, 3, 3, depth))
    channels = _channels(filters, filters.weights.reshape(count, -1).astype(np.int64))
    if places is None or not channels.fast.all():
        return []
    words = [_wide_words(places[o].reshape(-1, 4), places[o + 1].reshape(-1, 4)) for o in range(0, count, 2)]
    records = channels.folded.copy()
    records[:, 0] -= 2 * tiling.input_offset * filters.weights.reshape(count, -1).sum(axis=1, dtype=np.int64)
    records[::2, 3] |= _FAST
    records[-1, 3] |= _ENDS_RUN
    packed = Packed(_words(words), _words([records]), layout, more_rows=side - 1)
    strips = filters.calls // image[0] * -(-image[0] // side)
    tiles = strips * -(-image[1] // (2 * side))  # pairs of them
    work = {
        "layers": 1,
        "calls": strips,
        "tiles": tiles,
        "inputs": tiles * depth // 4,
        "pairs": tiles * count // 2,
        "products": tiles * count // 2 * depth // 4,
    }
    name = f"winograd {side}x{side}"
    return [_priced(name, [packed], f"conv, {name}", work, widened=True)]


def _count(pixels: int) -> str:
    return "1 pixel" if pixels == 1 else f"{pixels} pixels"


def _conv_candidate(groups: Sequence[Filters], name: str, packed: list[Packed], pixels: int) -> Candidate:
    """What blocks of so many pixels cost: for each the panel, and for each pair of channels products and scaling."""
    filters = groups[0]
    quads = -(-filters.weights[0].size // 4)
    runs, run = filters.weights.shape[1] * filters.weights.shape[2], filters.weights.shape[3]
    tags = np.concatenate([np.frombuffer(part.channels, "<i4").reshape(-1, 8)[:, 3] for part in packed])
    fast = int(np.count_nonzero(tags & _FAST))
    calls = filters.calls * len(groups)
    blocks = filters.calls * -(-filters.pixels // pixels)
    work = {
        "layers": 1,
        "calls": calls,
        "blocks": blocks * len(groups),
        "widened": blocks * len(groups) * quads,
        "rests": blocks * len(groups) * pixels * runs if run % 4 else 0,
        "pairs": blocks * fast,
        "products": blocks * fast * quads,
        "slow_pairs": blocks * pixels * (len(tags) - fast),
        "slow_products": blocks * pixels * (len(tags) - fast) * quads,
    }
    return _priced(name, packed, f"conv, {name}", work, name.startswith("int16"))


def _priced(name: str, packed: Sequence[Packed], kernel: str, work: dict[str, int], widened: bool = False) -> Candidate:
    return Candidate(name, tuple(packed), widened, kernel, work, expected("dsp", kernel, work))


# ---- Depthwise convolution ------------------------------------------------------------------------------


def depthwise_s8(filters: Filters) -> Packed:
    count = filters.weights.shape[2]
    if filters.multiplier_depth == count and count > 1:
        dense = replace(filters, weights=filters.weights.transpose(2, 0, 1)[..., np.newaxis])
        packed = _conv_group(_group(dense), 0)
        return replace(packed, layout=_DENSE)
    if filters.multiplier_depth > 1 or count < 4:
        return ref.depthwise_s8(filters)
    return _planes(filters) if _slides(filters) else _fours(filters)


def _four_channels(count: int) -> list[Array]:
    """Which channels are computed together.  The last four may overlap the ones before."""
    return [np.arange(4) + min(first, count - 4) for first in range(0, count, 4)]


def _fours(filters: Filters) -> Packed:
    count = filters.weights.shape[2]
    channels = _channels(filters, filters.weights.reshape(-1, count).T.astype(np.int64))
    plain = channels.plain()
    fours = _four_channels(count)
    runs = [bool(channels.fast[four].all()) for four in fours]
    stream = b""
    for number, four in enumerate(fours):
        record = (channels.folded if runs[number] else plain)[four].copy()
        if runs[number]:
            record[0, 3] |= _FAST
            following = fours[number + 1 : number + 2]
            goes_on = any(runs[number + 1] and after[0] == four[0] + 4 for after in following)
            record[3, 3] |= 0 if goes_on else _ENDS_RUN
        stream += filters.weights[..., four].tobytes() + _words([record])
    return Packed(stream, b"", _FOURS)


def _slides(filters: Filters) -> bool:
    """Whether the kernel has a way along planes and gains by it: of a whole image in either direction
    (runtime/kernels/dsp/depthwise_image_s8.c), or of each row, which must be long enough to pay for its planes."""
    kernel, stride = filters.weights.shape[:2], filters.stride
    size = filters.pixels if filters.image is None else filters.image[0] * filters.image[1]
    tiny = _SHORT_ROW if filters.image is None else _TINY if kernel == (3, 3) else 0
    return (
        size > tiny
        and filters.dilation == (1, 1)
        and any(
            kernel[along] <= _MOST_TAPS and stride[along] <= _MOST_STRIDE and kernel[1 - along] <= _MOST_ROWS
            for along in ((1,) if filters.image is None else (0, 1))
        )
    )


def _planes(filters: Filters) -> Packed:
    count = filters.weights.shape[2]
    weights = filters.weights.reshape(-1, count).T.astype(np.int64)
    channels = _channels(filters, weights)
    records = channels.folded.copy()  # of the longer way, whose weights are doubled
    records[:, 3] |= 1 << 8
    right = np.maximum(-np.asarray(filters.shift, np.int64), 1)
    scale = np.clip(_SLIDE_BITS + 1 - right, 0, _MOST_SCALE)
    found, short = _shortest(filters, channels, weights, scale, _SLIDE_BITS)
    records[found] = np.column_stack([short, scale << 8])[found]
    fast, plain = channels.fast | found, channels.plain()
    stream = b""
    for four in _four_channels(count):
        all_fast = bool(fast[four].all())
        record = (records if all_fast else plain)[four].copy()
        record[0, 3] |= 0 if all_fast else _ANY
        stream += filters.weights[..., four].tobytes() + _words([record])
    return Packed(stream, b"", _PLANES)


def depthwise_s8_candidates(filters: Filters) -> list[Candidate]:
    usual = depthwise_s8(filters)
    rows, taps, count = filters.weights.shape
    outputs = filters.calls * filters.pixels * count
    work = {"layers": 1, "calls": filters.calls, "outputs": outputs, "products": outputs * rows * taps}
    size = "3x3" if rows == taps == 3 else "any size"
    names = {0: "plain", _FOURS: "fours", _DENSE: "dense", _PLANES: "planes"}
    layouts = [usual] if usual.layout == 0 else [usual, ref.depthwise_s8(filters)]
    if usual.layout == _PLANES and filters.image is None:  # whose scratch a stream may not have
        layouts.insert(1, _fours(filters))
    return [_priced(names[part.layout], [part], f"depthwise, {names[part.layout]}, {size}", work) for part in layouts]


# ---- Weights of four bits ---------------------------------------------------------------------------------


def conv_s4(blocks: Sequence[Filters]) -> list[Packed]:
    return [replace(packed, weights=_pair_nibbles(packed)) for packed in conv_s8(blocks)]


def depthwise_s4(filters: Filters) -> Packed:
    packed = depthwise_s8(filters)
    if packed.layout == _DENSE:
        return replace(packed, weights=_pair_nibbles(packed))
    weights = np.frombuffer(packed.weights, np.int8)
    if packed.layout not in (_FOURS, _PLANES):
        return replace(packed, weights=nibbles.words(weights))
    rows, taps, count = filters.weights.shape
    fours = weights.reshape(-(-count // 4), -1)
    split = 4 * rows * taps
    stream = b"".join(nibbles.words(four[:split]) + four[split:].tobytes() for four in fours)
    return replace(packed, weights=stream)


def _pair_nibbles(packed: Packed) -> bytes:
    """The weights of all pairs of channels; in raw halfwords the second weight gets back what the first borrowed."""
    tags = np.frombuffer(packed.channels, "<i4").reshape(-1, 8)[:, 3]
    raw = (tags & _RAW != 0)[:, np.newaxis, np.newaxis]
    stored = np.frombuffer(packed.weights, np.int8).reshape(len(tags), -1, 2)
    first, second = stored[..., :1], stored[..., 1:]
    return nibbles.words(np.concatenate([first, second + (raw & (first < 0))], axis=2))


def dense_s4(filters: Filters) -> Packed:
    """Halfwords of four channels, of which the last is signed and the others are 8 too large; of a quad of inputs, the
    first and the third in one word, the second and the fourth in the next."""
    count = len(filters.weights)
    flat = filters.weights.reshape(count, -1).astype(np.int64)
    channels = _channels(filters, flat)
    records = np.where(channels.fast[:, np.newaxis], channels.folded, channels.plain())
    records[:, 3] |= np.where(channels.fast, _FAST, 0)
    quads = np.pad(flat, ((0, -count % 4), (0, -flat.shape[1] % 4))).reshape(-1, 4, (flat.shape[1] + 3) // 4, 4)
    stored = quads + np.array([8, 8, 8, 0])[:, np.newaxis, np.newaxis] & 15
    halves = (stored << np.array([0, 4, 8, 12])[:, np.newaxis, np.newaxis]).sum(axis=1)  # [fours, quads, inputs]
    words = halves[..., :2] | halves[..., 2:] << 16
    return Packed(_words([words]), _words([np.pad(records, ((0, -count % 4), (0, 0)))]))
