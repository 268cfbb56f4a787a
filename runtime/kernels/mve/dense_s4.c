/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense layers with weights of four bits: sums of sixteen times the products, straight from the nibbles.
 *
 * Sixteen bytes hold thirty-two weights of a channel.  Shifted left by four, or with the lower halves cleared, they are
 * sixteen weights times 16, which VMLADAVA multiplies as they are.
 *
 * Weights, for each four channels (in the order of scale.h): their biases, then for every thirty-two inputs sixteen
 * bytes of each.
 */
#include <arm_mve.h>

#include "../nibbles.h"
#include "scale.h"

enum {
    BLOCK = 16,
    MOST_INPUTS = 1 << 16 /* before sixteen times their sum could overflow */
};

static uint64_t quad_bytes(uint32_t depth)
{
    return 4 * sizeof(int32_t) + ((uint64_t)depth + 2 * BLOCK - 1) / (2 * BLOCK) * 4 * BLOCK;
}

int groat_dense_s4_needs_mve(const groat_dense_s4 *k, groat_needs *needs)
{
    needs->weights_bytes = quads_of(k->channels_out) * quad_bytes(k->depth);
    needs->channels_bytes = (uint64_t)quads_of(k->channels_out) * sizeof(groat_quad);
    needs->scratch_bytes = SUMS_BYTES;
    return k->layout < LAYOUTS;
}

int groat_dense_s4_check_mve(const groat_dense_s4 *k)
{
    return groat_quads_valid_mve(k->channels, quads_of(k->channels_out), k->layout);
}

/* Adds thirty-two products of one channel. */
static inline int32_t add_block(int32_t sum, const int8_t *w, int8x16_t first, int8x16_t second)
{
    int8x16_t bytes = vldrbq_s8(w);
    sum = vmladavaq_s8(sum, vshlq_n_s8(bytes, 4), first);
    return vmladavaq_s8(sum, vandq_s8(bytes, vdupq_n_s8((int8_t)0xF0)), second);
}

/* Four channels: returns where the next ones' weights are. */
static const int8_t *add_up(const int8_t *w, const int8_t *x, uint32_t depth, int32_t *sums)
{
    uint32_t totals[4];
    __builtin_memcpy(totals, w, sizeof(totals));
    w += sizeof(totals);
    while (depth > 0) {
        uint32_t count = depth < MOST_INPUTS ? depth : MOST_INPUTS;
        int32_t a = 0, b = 0, c = 0, d = 0;
        depth -= count;
        for (uint32_t blocks = count / (2 * BLOCK); blocks > 0; blocks--, x += 2 * BLOCK, w += 4 * BLOCK) {
            int8x16_t first = vldrbq_s8(x), second = vldrbq_s8(x + BLOCK);
            a = add_block(a, w, first, second);
            b = add_block(b, w + BLOCK, first, second);
            c = add_block(c, w + 2 * BLOCK, first, second);
            d = add_block(d, w + 3 * BLOCK, first, second);
        }
        count %= 2 * BLOCK;
        if (count > 0) {
            int8x16_t first = vldrbq_z_s8(x, vctp8q(count));
            int8x16_t second = vldrbq_z_s8(x + BLOCK, vctp8q(count < BLOCK ? 0 : count - BLOCK));
            a = add_block(a, w, first, second);
            b = add_block(b, w + BLOCK, first, second);
            c = add_block(c, w + 2 * BLOCK, first, second);
            d = add_block(d, w + 3 * BLOCK, first, second);
            x += count;
            w += 4 * BLOCK;
        }
        totals[0] += (uint32_t)(a >> 4);
        totals[1] += (uint32_t)(b >> 4);
        totals[2] += (uint32_t)(c >> 4);
        totals[3] += (uint32_t)(d >> 4);
    }
    __builtin_memcpy(sums, totals, sizeof(totals));
    return w;
}

void groat_dense_s4_mve(const groat_dense_s4 *k, const int8_t *x, int8_t *out)
{
    const groat_scaling scaling = scaling_of(k->layout, k->output_zero_point, k->act_min, k->act_max);
    const groat_quad *quads = k->channels;
    const int8_t *w = k->weights;
    int32_t *sums = k->scratch;
    int32_t offset = 0;
    if (k->weights_zero_point != 0) {
        offset = groat_dense_offset(k->weights_zero_point, groat_sum_of_inputs(x, k->depth));
    }
    for (uint32_t o = 0; o < k->channels_out; o += CHANNELS_AT_ONCE) {
        uint32_t channels = k->channels_out - o < CHANNELS_AT_ONCE ? k->channels_out - o : CHANNELS_AT_ONCE;
        for (uint32_t q = 0; q < quads_of(channels); q++) {
            w = add_up(w, x, k->depth, sums + 4 * q);
            if (offset != 0) {
                vstrwq_s32(sums + 4 * q, vaddq_n_s32(vldrwq_s32(sums + 4 * q), offset));
            }
        }
        groat_scale_mve(&scaling, sums, quads, channels, out + o);
        quads += quads_of(channels);
    }
}
