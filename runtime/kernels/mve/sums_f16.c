/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of products of float16 (sums_f16.h): a function for each way to load a vector and move on to the next.  In assembly,
 * because no compiler loads eight scalars at once.  In C, it is what other machines have, and cores where a sum is not
 * finite.
 */
#include "sums_f16.h"

static inline float16x8_t all_halves(uint32_t bits)
{
    return halves_of(vdupq_n_u16((uint16_t)bits));
}

/* Adds `y` times what the lanes of `x` are. */
static inline void add_products(float32x4_t *sums, float16x8_t x, uint32_t y)
{
    const float32x4_t factor = vdupq_n_f32(groat_float_of_half((uint16_t)y));
    sums[0] = vfmaq_f32(sums[0], vcvtbq_f32_f16(x), factor);
    sums[1] = vfmaq_f32(sums[1], vcvttq_f32_f16(x), factor);
}

/* In C, and lane by lane in float32 where float16 was too narrow. */
#define SUMS_IN_C(name, vector)                                                                                     \
    __attribute__((noinline, used)) static pair_sums name(pair_sums sums, const uint16_t *v, const uint32_t *pairs, \
                                                          uint32_t terms, uintptr_t step, uint32_t lanes)           \
    {                                                                                                               \
        (void)lanes;                                                                                                \
        pair_sums wide = sums;                                                                                      \
        for (uint32_t t = 0; t < terms;) {                                                                          \
            float16x8_t chunk[2] = {all_halves(0), all_halves(0)};                                                  \
            for (uint32_t end = terms - t > CHUNK ? t + CHUNK : terms; t < end; t++) {                              \
                const float16x8_t at = halves_of(vector);                                                           \
                for (uint32_t i = 0; i < 2; i++) {                                                                  \
                    chunk[i] = vfmaq_f16(chunk[i], at, all_halves(pairs[2 * t + i]));                               \
                    add_products(wide.of + 2 * i, at, pairs[2 * t + i]);                                            \
                }                                                                                                   \
            }                                                                                                       \
            for (uint32_t i = 0; i < 2; i++) {                                                                      \
                sums.of[2 * i] = vaddq_f32(sums.of[2 * i], vcvtbq_f32_f16(chunk[i]));                               \
                sums.of[2 * i + 1] = vaddq_f32(sums.of[2 * i + 1], vcvttq_f32_f16(chunk[i]));                       \
            }                                                                                                       \
        }                                                                                                           \
        for (uint32_t i = 0; i < 4; i++) {                                                                          \
            sums.of[i] = finite_or(sums.of[i], wide.of[i]);                                                         \
        }                                                                                                           \
        return sums;                                                                                                \
    }

SUMS_IN_C(steps_in_c, vldrhq_z_u16(v + t * (step / 2), vctp16q(lanes)))
SUMS_IN_C(gathered_in_c, vldrhq_gather_shifted_offset_u16(v + t, vldrhq_u16((const uint16_t *)step)))

#if defined(__ARM_FEATURE_MVE)

/* clang-format off */

/* How a vector is loaded into q6. */
#define STRIDED_LOAD "vldrh.u16 q6, [r0]\n add r0, r3\n"
#define STEPPED_LOAD(bytes) "vldrh.u16 q6, [r0], #" #bytes "\n"
#define MASKED_LOAD "vpst\n vldrht.u16 q6, [r0]\n add r0, r3\n"
#define MASKED_PREPARE "ldr r4, [sp, #180]\n vctp.16 r4\n"
#define GATHERED_LOAD "vldrh.u16 q6, [r0, q7, uxtw #1]\n adds r0, #2\n"
#define GATHERED_PREPARE "vldrh.u16 q7, [r3]\n"

/* Sums of float32 are in q0 to q3, as calls pass and return them; those of float16 in q4 and q5. */
#define SUMS_FIRST(load, a, b) load "vmul.f16 q4, q6, " a "\n vmul.f16 q5, q6, " b "\n"
#define SUMS_TERM(load, a, b) load "vfma.f16 q4, q6, " a "\n vfma.f16 q5, q6, " b "\n"
#define SUMS_THREE(load) \
    SUMS_TERM(load, "r6", "r7") SUMS_TERM(load, "r8", "r9") SUMS_TERM(load, "r10", "r11")
#define SUMS_FOUR(load) "ldm r1!, {r4-r11}\n" SUMS_TERM(load, "r4", "r5") SUMS_THREE(load)
#define SUMS_WIDEN                                                                              \
    "vcvtb.f32.f16 q6, q4\n vcvtt.f32.f16 q4, q4\n vadd.f32 q0, q0, q6\n vadd.f32 q1, q1, q4\n" \
    "vcvtb.f32.f16 q6, q5\n vcvtt.f32.f16 q5, q5\n vadd.f32 q2, q2, q6\n vadd.f32 q3, q3, q5\n"

/* Where a sum less itself is not zero, all is as it was again, and `in_c` computes in its stead. */
#define SUMS_F16(name, load, prepare, in_c)                                                       \
    __attribute__((naked)) pair_sums name(                                                        \
        __attribute__((unused)) pair_sums sums, __attribute__((unused)) const uint16_t *v,        \
        __attribute__((unused)) const uint32_t *pairs, __attribute__((unused)) uint32_t terms,    \
        __attribute__((unused)) uintptr_t step, __attribute__((unused)) uint32_t lanes)           \
    {                                                                                             \
        __asm__("push {r0-r11, lr}\n"                                                             \
                "vpush {d0-d15}\n"                                                                \
                prepare                                                                           \
                "lsrs r4, r2, #4\n"                                                               \
                "wls lr, r4, 2f\n"                                                                \
                "1:\n"                                                                            \
                "ldm r1!, {r4-r11}\n" SUMS_FIRST(load, "r4", "r5") SUMS_THREE(load)               \
                SUMS_FOUR(load) SUMS_FOUR(load) SUMS_FOUR(load)                                   \
                SUMS_WIDEN                                                                        \
                "le lr, 1b\n"                                                                     \
                "2:\n"                                                                            \
                "ands r2, r2, #15\n"                                                              \
                "beq.w 5f\n"                                                                      \
                "vmov.i32 q4, #0\n"                                                               \
                "vmov.i32 q5, #0\n"                                                               \
                "lsrs r4, r2, #2\n"                                                               \
                "wls lr, r4, 3f\n"                                                                \
                "7:\n" SUMS_FOUR(load)                                                            \
                "le lr, 7b\n"                                                                     \
                "3:\n"                                                                            \
                "ands r2, r2, #3\n"                                                               \
                "wls lr, r2, 4f\n"                                                                \
                "8:\n"                                                                            \
                "ldrd r4, r5, [r1], #8\n" SUMS_TERM(load, "r4", "r5")                             \
                "le lr, 8b\n"                                                                     \
                "4:\n" SUMS_WIDEN                                                                 \
                "5:\n"                                                                            \
                "vadd.f32 q4, q0, q1\n"                                                           \
                "vadd.f32 q5, q2, q3\n"                                                           \
                "vadd.f32 q4, q4, q5\n"                                                           \
                "vsub.f32 q4, q4, q4\n"                                                           \
                "vcmp.f32 ne, q4, zr\n"                                                           \
                "vmrs r4, p0\n"                                                                   \
                "cbnz r4, 6f\n"                                                                   \
                "add sp, #64\n"                                                                   \
                "vpop {d8-d15}\n"                                                                 \
                "add sp, #16\n"                                                                   \
                "pop {r4-r11, pc}\n"                                                              \
                "6:\n"                                                                            \
                "vpop {d0-d15}\n"                                                                 \
                "pop {r0-r11, lr}\n"                                                              \
                "b.w " #in_c "\n");                                                               \
    }

/* clang-format on */

#else

#define SUMS_F16(name, load, prepare, in_c)                                                                  \
    pair_sums name(pair_sums sums, const uint16_t *v, const uint32_t *pairs, uint32_t terms, uintptr_t step, \
                   uint32_t lanes)                                                                           \
    {                                                                                                        \
        return in_c(sums, v, pairs, terms, step, lanes);                                                     \
    }

#endif

static sum_terms sum_strided, sum_masked, sum_steps_of_32, sum_steps_of_64, sum_steps_of_128;

SUMS_F16(groat_sum_packed_f16_mve, STEPPED_LOAD(16), "", steps_in_c)
SUMS_F16(groat_sum_gathered_f16_mve, GATHERED_LOAD, GATHERED_PREPARE, gathered_in_c)
SUMS_F16(sum_strided, STRIDED_LOAD, "", steps_in_c)
SUMS_F16(sum_masked, MASKED_LOAD, MASKED_PREPARE, steps_in_c)
SUMS_F16(sum_steps_of_32, STEPPED_LOAD(32), "", steps_in_c)
SUMS_F16(sum_steps_of_64, STEPPED_LOAD(64), "", steps_in_c)
SUMS_F16(sum_steps_of_128, STEPPED_LOAD(128), "", steps_in_c)

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
