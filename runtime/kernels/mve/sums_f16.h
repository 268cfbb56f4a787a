/* SPDX-License-Identifier: Apache-2.0
 *
 * What every kernel of float16 that sums products does: eight lanes of two sums each, over any number of terms.  A term is
 * a vector, which is multiplied with two scalars:
 *
 *     sums[0][lane] += vector[lane] * pair[0]
 *     sums[1][lane] += vector[lane] * pair[1]
 *
 * Up to CHUNK terms are summed in float16, by fused multiply-adds; such a sum is then added to one of float32
 * (docs/NUMERICS.md).  That takes a quarter of the instructions that float32 alone would, in sums of 128 bits.
 *
 * Scalars are in the lower halves of words, since instructions want them in registers of their own: eight words are loaded
 * at once.  In assembly, because no compiler does that.
 */
#ifndef GROAT_MVE_SUMS_F16_H
#define GROAT_MVE_SUMS_F16_H

#include "halves.h"

/* Two sums of each lane: of the first, the even lanes and then the odd ones, and so of the second. */
typedef struct pair_sums {
    float32x4_t of[4];
} pair_sums;

/* A kind of sums is a function
 *
 *     name(sums, v, pairs, terms, step, lanes)
 *
 * that adds to `sums` that many terms: their vectors are found from `v` on as `step` says, and their scalars lie in `pairs`,
 * one pair after the other.  Kinds differ in how they load a vector into q2 and move on: a statement for Arm,
 * and one for other machines. */

/* `step` is the number of bytes from one to the next. */
#define STRIDED_LOAD "vldrh.u16 q6, [r0]\n add r0, r3\n"
#define STRIDED_VECTOR(v, t, step, lanes) vldrhq_u16((v) + (t) * ((step) / 2))
/* The same, of the first `lanes` lanes. */
#define MASKED_LOAD "vpst\n vldrht.u16 q6, [r0]\n add r0, r3\n"
#define MASKED_VECTOR(v, t, step, lanes) vldrhq_z_u16((v) + (t) * ((step) / 2), vctp16q(lanes))
/* Vectors touch. */
#define PACKED_LOAD "vldrh.u16 q6, [r0], #16\n"
#define PACKED_VECTOR(v, t, step, lanes) vldrhq_u16((v) + (t) * HALVES)
/* `step` is the address of where lanes are found, in elements from `v`; the next vector is an element on. */
#define GATHERED_LOAD "vldrh.u16 q6, [r0, q7, uxtw #1]\n adds r0, #2\n"
#define GATHERED_VECTOR(v, t, step, lanes) \
    vldrhq_gather_shifted_offset_u16((v) + (t), vldrhq_u16((const uint16_t *)(step)))

#if defined(__ARM_FEATURE_MVE)

/* clang-format off */

/* Sums of float32 are in q0 to q3, as calls pass and return them; those of float16 in q4 and q5, and a vector is in q6. */
#define SUMS_FIRST(load, a, b) load "vmul.f16 q4, q6, " a "\n vmul.f16 q5, q6, " b "\n"
#define SUMS_TERM(load, a, b) load "vfma.f16 q4, q6, " a "\n vfma.f16 q5, q6, " b "\n"
#define SUMS_THREE(load) \
    SUMS_TERM(load, "r6", "r7") SUMS_TERM(load, "r8", "r9") SUMS_TERM(load, "r10", "r11")
#define SUMS_FOUR(load) "ldm r1!, {r4-r11}\n" SUMS_TERM(load, "r4", "r5") SUMS_THREE(load)
#define SUMS_WIDEN \
    "vcvtb.f32.f16 q6, q4\n vcvtt.f32.f16 q4, q4\n vadd.f32 q0, q0, q6\n vadd.f32 q1, q1, q4\n" \
    "vcvtb.f32.f16 q6, q5\n vcvtt.f32.f16 q5, q5\n vadd.f32 q2, q2, q6\n vadd.f32 q3, q3, q5\n"

#define SUMS_F16(name, load, prepare, vector) \
    __attribute__((naked, noinline)) static pair_sums name( \
        __attribute__((unused)) pair_sums sums, __attribute__((unused)) const uint16_t *v, \
        __attribute__((unused)) const uint32_t *pairs, __attribute__((unused)) uint32_t terms, \
        __attribute__((unused)) uintptr_t step, __attribute__((unused)) uint32_t lanes) \
    { \
        __asm__("push {r4-r11, lr}\n" \
                "vpush {d8-d15}\n" \
                prepare \
                "lsrs r4, r2, #4\n" \
                "wls lr, r4, 2f\n" \
                "1:\n" \
                "ldm r1!, {r4-r11}\n" SUMS_FIRST(load, "r4", "r5") SUMS_THREE(load) \
                SUMS_FOUR(load) SUMS_FOUR(load) SUMS_FOUR(load) \
                SUMS_WIDEN \
                "le lr, 1b\n" \
                "2:\n" \
                "ands r2, r2, #15\n" \
                "beq.w 5f\n" \
                "vmov.i32 q4, #0\n" \
                "vmov.i32 q5, #0\n" \
                "lsrs r4, r2, #2\n" \
                "wls lr, r4, 3f\n" \
                "7:\n" SUMS_FOUR(load) \
                "le lr, 7b\n" \
                "3:\n" \
                "ands r2, r2, #3\n" \
                "wls lr, r2, 4f\n" \
                "8:\n" \
                "ldrd r4, r5, [r1], #8\n" SUMS_TERM(load, "r4", "r5") \
                "le lr, 8b\n" \
                "4:\n" SUMS_WIDEN \
                "5:\n" \
                "vpop {d8-d15}\n" \
                "pop {r4-r11, pc}\n"); \
    }

#define STRIDED_PREPARE ""
#define MASKED_PREPARE "ldr r4, [sp, #100]\n vctp.16 r4\n"
#define PACKED_PREPARE ""
#define GATHERED_PREPARE "vldrh.u16 q7, [r3]\n"

/* clang-format on */

#else

static inline float16x8_t all_halves(uint32_t bits)
{
    return halves_of(vdupq_n_u16((uint16_t)bits));
}

#define SUMS_F16(name, load, prepare, vector) \
    static pair_sums name(pair_sums sums, const uint16_t *v, const uint32_t *pairs, uint32_t terms, \
                          __attribute__((unused)) uintptr_t step, __attribute__((unused)) uint32_t lanes) \
    { \
        for (uint32_t t = 0; t < terms;) { \
            float16x8_t chunk[2] = {all_halves(0), all_halves(0)}; \
            for (uint32_t end = terms - t > CHUNK ? t + CHUNK : terms; t < end; t++) { \
                const float16x8_t at = halves_of(vector(v, t, step, lanes)); \
                chunk[0] = vfmaq_f16(chunk[0], at, all_halves(pairs[2 * t])); \
                chunk[1] = vfmaq_f16(chunk[1], at, all_halves(pairs[2 * t + 1])); \
            } \
            sums.of[0] = vaddq_f32(sums.of[0], vcvtbq_f32_f16(chunk[0])); \
            sums.of[1] = vaddq_f32(sums.of[1], vcvttq_f32_f16(chunk[0])); \
            sums.of[2] = vaddq_f32(sums.of[2], vcvtbq_f32_f16(chunk[1])); \
            sums.of[3] = vaddq_f32(sums.of[3], vcvttq_f32_f16(chunk[1])); \
        } \
        return sums; \
    }

#endif

/* `count` elements of two arrays as pairs; up to three pairs more may be written. */
static inline uint32_t *pair_up(uint32_t *pairs, const uint16_t *a, const uint16_t *b, uint32_t count)
{
    uint32_t *to = pairs;
    for (uint32_t i = count / 4; i > 0; i--, a += 4, b += 4, to += 8) {
        vst2q_u32(to, (uint32x4x2_t){{vldrhq_u32(a), vldrhq_u32(b)}});
    }
    if (count % 4 > 0) {
        const mve_pred16_t rest = vctp32q(count % 4);
        vst2q_u32(to, (uint32x4x2_t){{vldrhq_z_u32(a, rest), vldrhq_z_u32(b, rest)}});
    }
    return pairs + 2 * count;
}

#endif
