/* SPDX-License-Identifier: Apache-2.0
 *
 * Four rows interleaved to words, sixteen channels at a time by VST4.  In assembly, because compilers spend as many
 * instructions again on the addresses.
 */
#ifndef GROAT_MVE_INTERLEAVE_H
#define GROAT_MVE_INTERLEAVE_H

#include <arm_mve.h>

enum {
    VECTOR = 16,
    WORD = 4
};

/* Of each of `count` columns, `step` bytes apart, the first `bytes` bytes, which are less than a vector. */
static inline void interleave_part(const int8_t *const *rows, uint32_t offset, uint32_t step, uint32_t bytes,
                                   int8_t *out, uint32_t out_step, uint32_t count)
{
    const int8_t *a = rows[0] + offset, *b = rows[1] + offset, *c = rows[2] + offset, *d = rows[3] + offset;
    const mve_pred16_t lanes = vctp8q(bytes);
    for (; count > 0; count--, a += step, b += step, c += step, d += step, out += out_step) {
        int8x16x4_t v;
        v.val[0] = vldrbq_z_s8(a, lanes);
        v.val[1] = vldrbq_z_s8(b, lanes);
        v.val[2] = vldrbq_z_s8(c, lanes);
        v.val[3] = vldrbq_z_s8(d, lanes);
        vst4q_s8(out, v);
    }
}

#if defined(__ARM_FEATURE_MVE)

#define FOUR_ROWS                         \
    "vldrb.u8 q0, [%[a]], #16\n"          \
    "vldrb.u8 q1, [%[b]], #16\n"          \
    "vldrb.u8 q2, [%[c]], #16\n"          \
    "vldrb.u8 q3, [%[d]], #16\n"          \
    "vst40.8 {q0, q1, q2, q3}, [%[to]]\n" \
    "vst41.8 {q0, q1, q2, q3}, [%[to]]\n" \
    "vst42.8 {q0, q1, q2, q3}, [%[to]]\n" \
    "vst43.8 {q0, q1, q2, q3}, [%[to]]!\n"
#define NEXT_COLUMN       \
    "add %[a], %[skip]\n" \
    "add %[b], %[skip]\n" \
    "add %[c], %[skip]\n" \
    "add %[d], %[skip]\n" \
    "add %[to], %[to_skip]\n"
#define LOOP(body, step, to_step, vectors)                                                                   \
    const int8_t *a = rows[0] + offset, *b = rows[1] + offset, *c = rows[2] + offset, *d = rows[3] + offset; \
    int8_t *to = out;                                                                                        \
    const uint32_t skip = (step) - VECTOR * (vectors), to_skip = (to_step) - WORD * VECTOR * (vectors);      \
    __asm__ volatile("wls lr, %[count], 2f\n"                                                                \
                     "1:\n" body "le lr, 1b\n"                                                               \
                     "2:\n"                                                                                  \
                     : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [to] "+r"(to)                     \
                     : [count] "r"(count), [skip] "r"(skip), [to_skip] "r"(to_skip)                          \
                     : "q0", "q1", "q2", "q3", "lr", "memory")

#else

#define FOUR_ROWS +1
#define NEXT_COLUMN
#define LOOP(body, step, to_step, vectors)                                              \
    for (uint32_t i = 0; i < count * (vectors); i++) {                                  \
        uint32_t from = offset + i / (vectors) * (step) + VECTOR * (i % (vectors));     \
        int8x16x4_t v;                                                                  \
        for (uint32_t r = 0; r < WORD; r++) {                                           \
            v.val[r] = vldrbq_s8(rows[r] + from);                                       \
        }                                                                               \
        vst4q_s8(out + i / (vectors) * (to_step) + WORD * VECTOR * (i % (vectors)), v); \
    }

#endif

/* `count` vectors that lie one behind the other. */
static inline void interleave_run(const int8_t *const *rows, uint32_t offset, int8_t *out, uint32_t count)
{
    LOOP(FOUR_ROWS, VECTOR, WORD * VECTOR, 1);
}

/* So many vectors of each of `count` columns, which are `step` bytes apart. */
#define INTERLEAVE(vectors, body)                                                                                   \
    static inline void interleave_##vectors(const int8_t *const *rows, uint32_t offset, uint32_t step, int8_t *out, \
                                            uint32_t out_step, uint32_t count)                                      \
    {                                                                                                               \
        LOOP(body NEXT_COLUMN, step, out_step, vectors);                                                            \
    }
INTERLEAVE(1, FOUR_ROWS)
INTERLEAVE(2, FOUR_ROWS FOUR_ROWS)
INTERLEAVE(3, FOUR_ROWS FOUR_ROWS FOUR_ROWS)
INTERLEAVE(4, FOUR_ROWS FOUR_ROWS FOUR_ROWS FOUR_ROWS)

#endif
