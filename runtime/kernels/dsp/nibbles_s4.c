/* SPDX-License-Identifier: Apache-2.0
 *
 * Four-bit weights, unpacked to those of the s8 kernels.
 *
 * A byte of nibbles becomes two bytes of weights, or of raw halfwords 256 * w1 + w0: the same but that the second weight
 * of a halfword takes over what the first one borrows.
 */
#include "../nibbles.h"
#include "dsp.h"

int groat_depthwise_s8_needs_dsp(const groat_depthwise_s8 *k, groat_needs *needs);
int groat_depthwise_s8_check_dsp(const groat_depthwise_s8 *k);

static uint32_t quads_of(const groat_conv_s8 *k)
{
    return (k->rows * k->taps * k->run + 3u) / 4u;
}

#if GROAT_DSP_ASSEMBLY

/* `count` words of nibbles to twice as many words. */
#define EACH(low, high)                    \
    "and " high ", r12, " low ", lsr #4\n" \
    "and " low ", r12, " low "\n"
#define UNPACK(SUBTRACT)                                                                                              \
    ".syntax unified\n"                                                                                               \
    "push {r4-r11}\n"                                                                                                 \
    "mov r12, #0x0F0F0F0F\n"                                                                                          \
    "mov r3, #0x08080808\n"                                                                                           \
    "subs r2, #4\n"                                                                                                   \
    "blo 2f\n"                                                                                                        \
    "1:\n"                                                                                                            \
    "ldm r0!, {r4, r6, r8, r10}\n" EACH("r4", "r5") EACH("r6", "r7") EACH("r8", "r9") EACH("r10", "r11")              \
        SUBTRACT("r4") SUBTRACT("r5") SUBTRACT("r6") SUBTRACT("r7") SUBTRACT("r8") SUBTRACT("r9") SUBTRACT("r10")     \
            SUBTRACT("r11") "stm r1!, {r4-r11}\n"                                                                     \
                            "subs r2, #4\n"                                                                           \
                            "bhs 1b\n"                                                                                \
                            "2:\n"                                                                                    \
                            "adds r2, #4\n"                                                                           \
                            "beq 4f\n"                                                                                \
                            "3:\n"                                                                                    \
                            "ldr r4, [r0], #4\n" EACH("r4", "r5") SUBTRACT("r4") SUBTRACT("r5") "stm r1!, {r4, r5}\n" \
                                                                                                "subs r2, #1\n"       \
                                                                                                "bne 3b\n"            \
                                                                                                "4:\n"                \
                                                                                                "pop {r4-r11}\n"      \
                                                                                                "bx lr\n"
#define BYTES(w) "ssub8 " w ", " w ", r3\n"
#define HALFWORDS(w) "ssub16 " w ", " w ", r3\n"

__attribute__((naked, noinline)) static void unpack_plain(__attribute__((unused)) const uint32_t *from,
                                                          __attribute__((unused)) uint32_t *to,
                                                          __attribute__((unused)) uint32_t count)
{
    __asm__ volatile(UNPACK(BYTES));
}

__attribute__((naked, noinline)) static void unpack_raw(__attribute__((unused)) const uint32_t *from,
                                                        __attribute__((unused)) uint32_t *to,
                                                        __attribute__((unused)) uint32_t count)
{
    __asm__ volatile(UNPACK(HALFWORDS));
}

#else /* the same in C */

static void unpack_plain(const uint32_t *from, uint32_t *to, uint32_t count)
{
    groat_unpack_words((const uint8_t *)from, (int8_t *)to, 8 * count);
}

static void unpack_raw(const uint32_t *from, uint32_t *to, uint32_t count)
{
    for (const uint32_t *end = from + count; from < end; from++, to += 2) {
        to[0] = ((*from & 0x0F0F0F0Fu) + 0x77F877F8u) ^ 0x80008000u;
        to[1] = ((*from >> 4 & 0x0F0F0F0Fu) + 0x77F877F8u) ^ 0x80008000u;
    }
}

#endif

int groat_conv_s4_needs_dsp(const groat_conv_s8 *k, groat_needs *needs)
{
    int known = k->layout < DSP_CONV_WIDE && groat_conv_s8_needs_dsp(k, needs);
    groat_nibbles_needs(needs, needs->weights_bytes / 2);
    return known;
}

int groat_conv_s4_check_dsp(const groat_conv_s8 *k)
{
    return groat_conv_s8_check_dsp(k);
}

void groat_conv_s4_unpack_dsp(groat_conv_s8 *k)
{
    const uint32_t pairs = (k->channels_out + 1u) / 2u, quads = quads_of(k);
    const dsp_channel *c = k->channels;
    const uint32_t *from = k->weights;
    uint32_t *to = k->scratch;
    for (const dsp_channel *end = c + 2 * pairs; c < end;) {
        /* As many pairs at once as are stored the same way. */
        const uint32_t raw = c->tag & DSP_RAW;
        uint32_t words = 0;
        for (; c < end && ((uint32_t)c->tag & DSP_RAW) == raw; c += 2) {
            words += quads;
        }
        (raw ? unpack_raw : unpack_plain)(from, to, words);
        from += words;
        to += 2 * words;
    }
    GROAT_NIBBLES_DONE(k, 8ull * pairs * quads);
}

/* Filters over one input channel, as the convolution that they are packed as. */
static groat_conv_s8 as_convolution(const groat_depthwise_s8 *k)
{
    return (groat_conv_s8){
        .weights = k->weights,
        .channels = k->channels,
        .channels_out = k->multiplier,
        .rows = k->rows,
        .taps = k->taps,
        .run = 1,
        .scratch = k->scratch,
    };
}

static int is_fours(const groat_depthwise_s8 *k)
{
    return k->layout == DSP_DEPTHWISE_FOURS || k->layout == DSP_DEPTHWISE_PLANES;
}

/* Words of four channels: nibbles of all taps, then the channels' constants as they are. */
static uint32_t four_nibble_words(const groat_depthwise_s8 *k)
{
    return (k->rows * k->taps + 1u) / 2u;
}

int groat_depthwise_s4_needs_dsp(const groat_depthwise_s8 *k, groat_needs *needs)
{
    int known = groat_depthwise_s8_needs_dsp(k, needs);
    uint64_t bytes = needs->weights_bytes;
    if (k->layout == DSP_DEPTHWISE_PLAIN) {
        bytes = groat_nibbles_bytes(bytes);
    } else if (is_fours(k)) {
        bytes = ((uint64_t)k->channels_in + 3u) / 4u * (four_nibble_words(k) + DSP_FOUR_WORDS) * 4u;
    } else {
        bytes /= 2;
    }
    groat_nibbles_needs_alone(needs, bytes);
    return known;
}

int groat_depthwise_s4_check_dsp(const groat_depthwise_s8 *k)
{
    if (is_fours(k)) {
        return groat_dsp_fours_valid(k, (const int32_t *)k->weights + four_nibble_words(k),
                                     four_nibble_words(k) + DSP_FOUR_WORDS);
    }
    return groat_depthwise_s8_check_dsp(k);
}

static void unpack_fours(const groat_depthwise_s8 *k)
{
    const uint32_t *from = k->weights;
    uint32_t *to = k->scratch;
    for (uint32_t c = 0; c < k->channels_in; c += 4) {
        unpack_plain(from, to, four_nibble_words(k)); /* perhaps a word too many */
        from += four_nibble_words(k);
        to += k->rows * k->taps;
        for (uint32_t i = 0; i < DSP_FOUR_WORDS; i++) {
            *to++ = *from++;
        }
    }
}

void groat_depthwise_s4_unpack_dsp(groat_depthwise_s8 *k)
{
    groat_needs needs;
    groat_depthwise_s8_needs_dsp(k, &needs);
    if (k->layout == DSP_DEPTHWISE_PLAIN) {
        groat_unpack_words(k->weights, k->scratch, (uint32_t)needs.weights_bytes);
    } else if (is_fours(k)) {
        unpack_fours(k);
    } else {
        groat_conv_s8 convolution = as_convolution(k);
        groat_conv_s4_unpack_dsp(&convolution);
    }
    GROAT_NIBBLES_DONE(k, needs.weights_bytes);
}
