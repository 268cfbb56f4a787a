/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of products of float16 (sums_f16.h): a function for each way to load a vector and move on to the next.  In assembly,
 * because no compiler loads eight scalars at once.
 */
#include "sums_f16.h"

/* How a vector is loaded into q6: a statement for Arm, and one for other machines. */

/* `step` is the number of bytes from one to the next; or it is a number that the load itself can hold. */
#define STRIDED_LOAD "vldrh.u16 q6, [r0]\n add r0, r3\n"
#define STRIDED_VECTOR(v, t, step, lanes) vldrhq_u16((v) + (t) * ((step) / 2))
#define STEPPED_LOAD(bytes) "vldrh.u16 q6, [r0], #" #bytes "\n"
#define PACKED_VECTOR(v, t, step, lanes) vldrhq_u16((v) + (t) * HALVES)
/* The same, of the first `lanes` lanes. */
#define MASKED_LOAD "vpst\n vldrht.u16 q6, [r0]\n add r0, r3\n"
#define MASKED_VECTOR(v, t, step, lanes) vldrhq_z_u16((v) + (t) * ((step) / 2), vctp16q(lanes))
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
    __attribute__((naked)) pair_sums name( \
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

#define MASKED_PREPARE "ldr r4, [sp, #100]\n vctp.16 r4\n"
#define GATHERED_PREPARE "vldrh.u16 q7, [r3]\n"

/* clang-format on */

#else

static inline float16x8_t all_halves(uint32_t bits)
{
    return halves_of(vdupq_n_u16((uint16_t)bits));
}

#define SUMS_F16(name, load, prepare, vector)                                                      \
    pair_sums name(pair_sums sums, const uint16_t *v, const uint32_t *pairs, uint32_t terms,       \
                   __attribute__((unused)) uintptr_t step, __attribute__((unused)) uint32_t lanes) \
    {                                                                                              \
        for (uint32_t t = 0; t < terms;) {                                                         \
            float16x8_t chunk[2] = {all_halves(0), all_halves(0)};                                 \
            for (uint32_t end = terms - t > CHUNK ? t + CHUNK : terms; t < end; t++) {             \
                const float16x8_t at = halves_of(vector(v, t, step, lanes));                       \
                chunk[0] = vfmaq_f16(chunk[0], at, all_halves(pairs[2 * t]));                      \
                chunk[1] = vfmaq_f16(chunk[1], at, all_halves(pairs[2 * t + 1]));                  \
            }                                                                                      \
            sums.of[0] = vaddq_f32(sums.of[0], vcvtbq_f32_f16(chunk[0]));                          \
            sums.of[1] = vaddq_f32(sums.of[1], vcvttq_f32_f16(chunk[0]));                          \
            sums.of[2] = vaddq_f32(sums.of[2], vcvtbq_f32_f16(chunk[1]));                          \
            sums.of[3] = vaddq_f32(sums.of[3], vcvttq_f32_f16(chunk[1]));                          \
        }                                                                                          \
        return sums;                                                                               \
    }

#endif

static sum_terms sum_strided, sum_masked, sum_steps_of_32, sum_steps_of_64, sum_steps_of_128;

SUMS_F16(groat_sum_packed_f16_mve, STEPPED_LOAD(16), "", PACKED_VECTOR)
SUMS_F16(groat_sum_gathered_f16_mve, GATHERED_LOAD, GATHERED_PREPARE, GATHERED_VECTOR)
SUMS_F16(sum_strided, STRIDED_LOAD, "", STRIDED_VECTOR)
SUMS_F16(sum_masked, MASKED_LOAD, MASKED_PREPARE, MASKED_VECTOR)
SUMS_F16(sum_steps_of_32, STEPPED_LOAD(32), "", STRIDED_VECTOR)
SUMS_F16(sum_steps_of_64, STEPPED_LOAD(64), "", STRIDED_VECTOR)
SUMS_F16(sum_steps_of_128, STEPPED_LOAD(128), "", STRIDED_VECTOR)

sum_terms *groat_sum_of_steps_f16_mve(uint32_t step, uint32_t lanes)
{
    if (lanes < HALVES) {
        return sum_masked;
    }
    switch (step) {
    case 16:
        return groat_sum_packed_f16_mve;
    case 32:
        return sum_steps_of_32;
    case 64:
        return sum_steps_of_64;
    case 128:
        return sum_steps_of_128;
    default:
        return sum_strided;
    }
}
