/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense layers with weights of four bits, straight from the nibbles: a halfword has one input's weights of four channels,
 *
 *     h = 4096 w3 + 256 u2 + 16 u1 + u0,   u = w + 8.
 *
 * SMLAD of h, of its lower byte, of its lowest nibble and of its middle byte gives four sums, from which those of the
 * channels follow: three instructions unpack eight weights.
 *
 * Inputs are widened to 16 bits once.  A quad of them meets two words: inputs 0 and 2, then 1 and 3.
 */
#include "../nibbles.h"
#include "dsp.h"

enum {
    LANES = 4,
    MOST_QUADS = 124 /* the sum for w3 must fit 20 bits: 4 * 124 * 8 * 128 < 2^19 */
};

static uint64_t quads_of(const groat_dense_s4 *k)
{
    return ((uint64_t)k->depth + 3u) / 4u;
}

static uint64_t fours_of(const groat_dense_s4 *k)
{
    return ((uint64_t)k->channels_out + LANES - 1u) / LANES;
}

int groat_dense_s4_needs_dsp(const groat_dense_s4 *k, groat_needs *needs)
{
    needs->weights_bytes = fours_of(k) * quads_of(k) * 8u;
    needs->channels_bytes = fours_of(k) * LANES * sizeof(dsp_channel);
    needs->scratch_bytes = quads_of(k) * 8u;
    return k->layout == 0 && k->depth < 1u << 28 && k->channels_out < 1u << 28;
}

int groat_dense_s4_check_dsp(const groat_dense_s4 *k)
{
    const dsp_channel *c = k->channels;
    for (const dsp_channel *end = c + k->channels_out; c < end; c++) {
        if (!dsp_channel_valid(c, (c->tag & DSP_FAST) != 0)) {
            return 0;
        }
    }
    return 1;
}

/* The four sums over `quads` quads: of h, of its lower byte, of its lowest nibble, of its middle byte. */
#if GROAT_DSP_ASSEMBLY

#define HALF(n, x)                 \
    "smlad r4, " n ", " x ", r4\n" \
    "uxtb16 r12, " n "\n"          \
    "smlad r5, r12, " x ", r5\n"   \
    "and r12, r8, " n "\n"         \
    "smlad r6, r12, " x ", r6\n"   \
    "and r12, r9, " n ", lsr #4\n" \
    "smlad r7, r12, " x ", r7\n"
#define QUAD                    \
    "ldmia.w r0!, {r10, r11}\n" \
    "ldmia.w r1!, {r2, lr}\n" HALF("r10", "r2") HALF("r11", "lr")

/* The end of the panel and where the sums go are kept on the stack: all registers are in use. */
__attribute__((naked, noinline)) static void add_up(__attribute__((unused)) const uint32_t *weights,
                                                    __attribute__((unused)) const int32_t *panel,
                                                    __attribute__((unused)) uint32_t quads,
                                                    __attribute__((unused)) int32_t *sums)
{
    __asm__ volatile(".syntax unified\n"
                     "push {r3, r4-r11, lr}\n"
                     "mov r3, r2\n"
                     "movs r4, #0\n"
                     "movs r5, #0\n"
                     "movs r6, #0\n"
                     "movs r7, #0\n"
                     "mov r8, #0x000F000F\n"
                     "mov r9, #0x00FF00FF\n"
                     "subs r3, #4\n"
                     "blo.w 2f\n"
                     "1:\n" QUAD QUAD QUAD QUAD "subs r3, #4\n"
                     "bhs.w 1b\n"
                     "2:\n"
                     "adds r3, #4\n"
                     "beq 4f\n"
                     "3:\n" QUAD "subs r3, #1\n"
                     "bne 3b\n"
                     "4:\n"
                     "pop {r3}\n"
                     "stm r3, {r4-r7}\n"
                     "pop {r4-r11, pc}\n");
}

#else /* the same in C */

static void add_up(const uint32_t *weights, const int32_t *panel, uint32_t quads, int32_t *sums)
{
    int32_t s[4] = {0, 0, 0, 0};
    for (uint32_t i = 0; i < 2 * quads; i++) {
        uint32_t h = weights[i];
        s[0] = __smlad((int32_t)h, panel[i], s[0]);
        s[1] = __smlad((int32_t)(h & 0x00FF00FFu), panel[i], s[1]);
        s[2] = __smlad((int32_t)(h & 0x000F000Fu), panel[i], s[2]);
        s[3] = __smlad((int32_t)(h >> 4 & 0x00FF00FFu), panel[i], s[3]);
    }
    __builtin_memcpy(sums, s, sizeof(s));
}

#endif

/* Adds what the four sums say of each channel, without the 8 that three of them have too many. */
static void separate(const int32_t *s, uint32_t *acc)
{
    uint32_t u0 = (uint32_t)s[2];
    uint32_t u1 = (uint32_t)((int32_t)((uint32_t)s[1] - u0) >> 4);
    uint32_t u2 = (uint32_t)((int32_t)((uint32_t)s[3] - u1) >> 4);
    acc[0] += u0;
    acc[1] += u1;
    acc[2] += u2;
    acc[3] += (uint32_t)((int32_t)((uint32_t)s[0] - (uint32_t)s[1] - (u2 << 8)) >> 12);
}

/* Widens all inputs, with zeros behind them, and returns their sum. */
static int32_t widen(const int8_t *x, uint32_t depth, int32_t *panel)
{
    const int32_t *from = panel;
    if (depth >= 4) {
        panel = groat_dsp_widen1(panel, x, 0, depth / 4);
    }
    if (depth % 4 > 0) {
        uint32_t quad = 0;
        for (uint32_t i = 0; i < depth % 4; i++) {
            quad |= (uint32_t)(uint8_t)x[depth / 4 * 4 + i] << 8 * i;
        }
        *panel++ = __sxtb16((int32_t)quad);
        *panel++ = dsp_odd_bytes((int32_t)quad);
    }
    int32_t sum = 0;
    for (; from < panel; from += 2) {
        sum = __smlad(from[1], 0x00010001, __smlad(from[0], 0x00010001, sum));
    }
    return sum;
}

void groat_dense_s4_dsp(const groat_dense_s4 *k, const int8_t *x, int8_t *out)
{
    const uint32_t quads = (uint32_t)quads_of(k);
    const dsp_channel *c = k->channels;
    const uint32_t *w = k->weights;
    const int32_t *panel = k->scratch;
    const int32_t sum = widen(x, k->depth, k->scratch);
    const uint32_t offset = (uint32_t)groat_dense_offset(k->weights_zero_point, sum);
    const uint32_t eight = 0u - 8u * (uint32_t)sum;
    for (uint32_t o = 0; o < k->channels_out; o += LANES) {
        uint32_t acc[LANES] = {eight, eight, eight, 0};
        for (uint32_t q = 0; q < quads; q += MOST_QUADS) {
            uint32_t count = quads - q < MOST_QUADS ? quads - q : MOST_QUADS;
            int32_t s[4];
            add_up(w, panel + 2 * q, count, s);
            separate(s, acc);
            w += 2 * count;
        }
        for (uint32_t i = 0; i < LANES && o + i < k->channels_out; i++, c++) {
            int fast = (c->tag & DSP_FAST) != 0;
            if (fast && k->weights_zero_point == 0) {
                out[o + i] = dsp_requantize_fast(acc[i] << 1, c);
            } else {
                out[o + i] = dsp_requantize(acc[i] + offset, c, fast, k->output_zero_point, k->act_min, k->act_max);
            }
        }
    }
}
