/* SPDX-License-Identifier: Apache-2.0
 *
 * Helium on any machine: what instructions do with one lane.  Part of arm_mve.h.
 */
#ifndef GROAT_EMULATE_ARM_MVE_LANES_H
#define GROAT_EMULATE_ARM_MVE_LANES_H

#include <stdint.h>

static inline int32_t mve_add_s32(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline int32_t mve_qadd_s32(int32_t a, int32_t b)
{
    int64_t sum = (int64_t)a + b;
    return (int32_t)(sum < INT32_MIN ? INT32_MIN : sum > INT32_MAX ? INT32_MAX : sum);
}

static inline int32_t mve_mul_s32(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a * (uint32_t)b);
}

static inline int32_t mve_min_s32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static inline int32_t mve_max_s32(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static inline int8_t mve_and_s8(int8_t a, int8_t b)
{
    return (int8_t)(a & b);
}

static inline int8_t mve_min_s8(int8_t a, int8_t b)
{
    return a < b ? a : b;
}

static inline int8_t mve_max_s8(int8_t a, int8_t b)
{
    return a > b ? a : b;
}

static inline int16_t mve_add_s16(int16_t a, int16_t b)
{
    return (int16_t)(a + b);
}

static inline int16_t mve_sub_s16(int16_t a, int16_t b)
{
    return (int16_t)(a - b);
}

static inline int16_t mve_xor_s16(int16_t a, int16_t b)
{
    return a ^ b;
}

static inline int16_t mve_min_s16(int16_t a, int16_t b)
{
    return a < b ? a : b;
}

static inline int16_t mve_max_s16(int16_t a, int16_t b)
{
    return a > b ? a : b;
}

static inline int16_t mve_qadd_s16(int16_t a, int16_t b)
{
    int32_t sum = a + b;
    return (int16_t)(sum < INT16_MIN ? INT16_MIN : sum > INT16_MAX ? INT16_MAX : sum);
}

static inline uint8_t mve_xor_u8(uint8_t a, uint8_t b)
{
    return a ^ b;
}

static inline uint32_t mve_max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static inline uint32_t mve_mulh_u32(uint32_t a, uint32_t b)
{
    return (uint32_t)((uint64_t)a * b >> 32);
}

static inline int32_t mve_sub_s32(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

static inline int32_t mve_xor_s32(int32_t a, int32_t b)
{
    return a ^ b;
}

static inline int32_t mve_and_s32(int32_t a, int32_t b)
{
    return a & b;
}

/* Doubles the product, rounds its upper half, saturates. */
static inline int32_t mve_qrdmulh_s32(int32_t a, int32_t b)
{
    int64_t high = ((int64_t)a * b + (1 << 30)) >> 31;
    return high > INT32_MAX ? INT32_MAX : (int32_t)high;
}

/* By the signed low byte of `shift`: left without saturation, right without and with rounding (ties up). */
static inline int32_t mve_shl_s32(int32_t a, int32_t shift)
{
    int8_t by = (int8_t)shift;
    if (by >= 0) {
        return by < 32 ? (int32_t)((uint32_t)a << by) : 0;
    }
    return a >> (by > -32 ? -by : 31);
}

static inline int32_t mve_rshl_s32(int32_t a, int32_t shift)
{
    int8_t by = (int8_t)shift;
    if (by >= 0) {
        return mve_shl_s32(a, shift);
    }
    return by < -32 ? 0 : (int32_t)(((int64_t)a + ((int64_t)1 << (-by - 1))) >> -by);
}

#endif
