/* SPDX-License-Identifier: Apache-2.0
 *
 * What ops of block floating point share.
 */
#include "bfp.h"

void groat_bfp_not_finite(int16_t *y, uint32_t count, int32_t *ye)
{
    memset(y, 0, count * sizeof *y);
    *ye = GROAT_BFP_NOT_FINITE;
}

void groat_bfp_from_sums(const int32_t *sums, uint32_t count, int32_t exponent, uint32_t bits, int16_t *y, int32_t *ye)
{
    uint32_t any = 0;
    for (uint32_t i = 0; i < count; i++) {
        any |= groat_magnitude(sums[i]);
    }
    const uint32_t length = groat_bit_length(any);
    const uint32_t shift = length > bits ? length - bits : 0;
    const int32_t e = any == 0 ? 0 : groat_exponent_in_range(exponent + (int32_t)shift);
    if (e == GROAT_BFP_NOT_FINITE) {
        groat_bfp_not_finite(y, count, ye);
        return;
    }
    *ye = e;
    for (uint32_t i = 0; i < count; i++) {
        y[i] = groat_mantissa(sums[i], shift, bits);
    }
}

/* ---- Windows ----------------------------------------------------------------------------------------- */

typedef struct taps {
    uint32_t first; /* of the kernel; */
    uint32_t end;
    uint32_t at;    /* of the image, where the first is */
} taps;

static taps taps_along(uint32_t out, uint32_t stride, uint32_t pad, uint32_t dilation, uint32_t kernel, uint32_t in)
{
    taps t = {.end = kernel};
    uint32_t at = out * stride; /* plus the padding in front */
    for (; t.first < kernel && at < pad; at += dilation) {
        t.first++;
    }
    t.at = at - pad;
    for (uint32_t last = t.at + (kernel - 1u - t.first) * dilation; t.end > t.first && last >= in; last -= dilation) {
        t.end--;
    }
    return t;
}

groat_bfp_taps groat_bfp_taps_at(const groat_window *w, uint32_t oy, uint32_t ox)
{
    const taps rows = taps_along(oy, w->stride_h, w->pad_top, w->dilation_h, w->kernel_h, w->in_h);
    const taps columns = taps_along(ox, w->stride_w, w->pad_left, w->dilation_w, w->kernel_w, w->in_w);
    const int joined = w->dilation_w == 1;
    const uint32_t count = columns.end - columns.first;
    return (groat_bfp_taps){
        .x = (rows.at * w->in_w + columns.at) * w->in_c,
        .w = (rows.first * w->kernel_w + columns.first) * w->in_c,
        .rows = rows.end - rows.first,
        .runs = joined ? 1 : count,
        .length = joined ? count * w->in_c : w->in_c,
        .x_row = (uint32_t)w->dilation_h * w->in_w * w->in_c,
        .w_row = (uint32_t)w->kernel_w * w->in_c,
        .x_run = (uint32_t)w->dilation_w * w->in_c,
    };
}

int groat_check_bfp_window(const groat_call *call, const groat_window *w, uint32_t out_c, uint32_t x, uint32_t y)
{
    GROAT_TRY(groat_check_axes(w));
    GROAT_REQUIRE(w->in_c > 0 && out_c > 0 && w->batches > 0);
    GROAT_REQUIRE((uint64_t)w->kernel_h * w->kernel_w * w->in_c <= UINT32_MAX);
    GROAT_TRY(groat_check_tensor(call, x, GROAT_INT16, groat_bfp_inputs(w)));
    return groat_check_tensor(call, y, GROAT_INT16, groat_bfp_outputs(w, out_c));
}

/* ---- Bits of float32 --------------------------------------------------------------------------------- */

uint32_t groat_float_bits(uint32_t magnitude, int32_t exponent)
{
    if (magnitude == 0) {
        return 0;
    }
    uint32_t length = groat_bit_length(magnitude);
    uint32_t fraction = length > 24u ? groat_shift_rounded(magnitude, length - 24u) : magnitude << (24u - length);
    if (fraction >> 24 != 0) {
        fraction >>= 1;
        length++;
    }
    const int32_t field = 126 + (int32_t)length + exponent;
    if (field <= 0) {
        return 0;
    }
    return field < 255 ? (uint32_t)field << 23 | (fraction & 0x7FFFFFu) : GROAT_FLOAT_INFINITE;
}

/* ---- Softmax ----------------------------------------------------------------------------------------- */

enum {
    LOG2_E = 47274,      /* Q15 */
    BELOW_MOST = 1 << 30
};

uint32_t groat_exp2(uint32_t x)
{
    const uint32_t whole = x >> 16;
    if (whole > 31u) {
        return 0;
    }
    const uint32_t f = x & 0xFFFFu;
    uint32_t y = 15159u - ((f * 2597u) >> 16); /* nearest cubic that is 1 at 0 and 1/2 at 1 */
    y = 45330u - ((f * y) >> 16);
    return (65536u - ((f * y) >> 16)) >> whole;
}

uint32_t groat_bfp_below(const groat_bfp_row *row, uint32_t i)
{
    const uint32_t steps = (uint32_t)(row->most - row->logits[i]) * (uint32_t)LOG2_E;
    const int32_t shift = row->exponent + 1; /* from Q15 to Q16 */
    if (shift <= 0) {
        const uint32_t x = shift > -32 ? steps >> -shift : 0;
        return x < BELOW_MOST ? x : BELOW_MOST;
    }
    return steps == 0 ? 0 : shift < 30 && steps < (uint32_t)BELOW_MOST >> shift ? steps << shift : BELOW_MOST;
}

groat_bfp_row groat_bfp_row_of(const int16_t *logits, uint32_t count, int32_t exponent)
{
    groat_bfp_row row = {.logits = logits, .count = count, .exponent = exponent, .most = logits[0]};
    for (uint32_t i = 1; i < count; i++) {
        row.most = row.most < logits[i] ? logits[i] : row.most;
    }
    for (uint32_t i = 0; i < count; i++) {
        row.sum += groat_exp2(groat_bfp_below(&row, i));
    }
    return row;
}

uint32_t groat_bfp_share(const groat_bfp_row *row, uint32_t i)
{
    const uint32_t power = groat_exp2(groat_bfp_below(row, i));
    return ((power << 15) + row->sum / 2u) / row->sum;
}
