/* SPDX-License-Identifier: Apache-2.0
 *
 * Helium on any machine: the intrinsics that runtime/kernels/mve uses, with exactly the meaning that Arm gives them,
 * so that those files run on the host, under sanitisers too.
 */
#ifndef GROAT_EMULATE_ARM_MVE_H
#define GROAT_EMULATE_ARM_MVE_H

#include <stdint.h>

typedef uint16_t mve_pred16_t; /* a bit for each byte of a vector */

typedef struct int8x16_t {
    int8_t lane[16];
} int8x16_t;

typedef struct uint8x16_t {
    uint8_t lane[16];
} uint8x16_t;

typedef struct int16x8_t {
    int16_t lane[8];
} int16x8_t;

typedef struct uint16x8_t {
    uint16_t lane[8];
} uint16x8_t;

typedef struct uint32x4_t {
    uint32_t lane[4];
} uint32x4_t;

typedef struct int8x16x4_t {
    int8x16_t val[4];
} int8x16x4_t;

typedef struct int32x4_t {
    int32_t lane[4];
} int32x4_t;

typedef struct float32x4_t {
    float lane[4];
} float32x4_t;

typedef struct float32x4x2_t {
    float32x4_t val[2];
} float32x4x2_t;

typedef struct float32x4x4_t {
    float32x4_t val[4];
} float32x4x4_t;

typedef struct uint32x4x2_t {
    uint32x4_t val[2];
} uint32x4x2_t;

typedef struct float16x8_t {
    uint16_t lane[8]; /* their bits */
} float16x8_t;

/* ---- Predicates ---- */

static inline mve_pred16_t vctp8q(uint32_t count)
{
    return (mve_pred16_t)(count < 16 ? (1u << count) - 1u : 0xffffu);
}

static inline mve_pred16_t vctp16q(uint32_t count)
{
    return vctp8q(count < 8 ? 2 * count : 16);
}

static inline mve_pred16_t vctp32q(uint32_t count)
{
    return vctp8q(count < 4 ? 4 * count : 16);
}

/* a > b, where the predicate allows it. */
static inline mve_pred16_t vcmphiq_m_u32(uint32x4_t a, uint32x4_t b, mve_pred16_t p)
{
    uint32_t higher = 0;
    for (int i = 0; i < 4; i++) {
        higher |= a.lane[i] > b.lane[i] ? 0xfu << (4 * i) : 0u;
    }
    return (mve_pred16_t)(higher & p);
}

/* ---- Loads and stores ---- */

static inline int8x16_t vldrbq_z_s8(const int8_t *from, mve_pred16_t p)
{
    int8x16_t v;
    for (int i = 0; i < 16; i++) {
        v.lane[i] = (int8_t)((p >> i & 1) ? from[i] : 0);
    }
    return v;
}

static inline void vstrbq_p_s8(int8_t *to, int8x16_t v, mve_pred16_t p)
{
    for (int i = 0; i < 16; i++) {
        if (p >> i & 1) {
            to[i] = v.lane[i];
        }
    }
}

static inline int8x16_t vldrbq_s8(const int8_t *from)
{
    return vldrbq_z_s8(from, 0xffff);
}

static inline void vstrbq_s8(int8_t *to, int8x16_t v)
{
    vstrbq_p_s8(to, v, 0xffff);
}

/* Each byte to its own offset. */
static inline void vstrbq_scatter_offset_p_s8(int8_t *to, uint8x16_t offsets, int8x16_t v, mve_pred16_t p)
{
    for (int i = 0; i < 16; i++) {
        if (p >> i & 1) {
            to[offsets.lane[i]] = v.lane[i];
        }
    }
}

static inline void vstrbq_scatter_offset_s8(int8_t *to, uint8x16_t offsets, int8x16_t v)
{
    vstrbq_scatter_offset_p_s8(to, offsets, v, 0xffff);
}

static inline void vstrwq_u32(uint32_t *to, uint32x4_t v)
{
    for (int i = 0; i < 4; i++) {
        to[i] = v.lane[i];
    }
}

static inline uint32x4_t vldrwq_u32(const uint32_t *from)
{
    uint32x4_t v;
    for (int i = 0; i < 4; i++) {
        v.lane[i] = from[i];
    }
    return v;
}

/* Each word from its own place, `offsets` bytes on. */
static inline int32x4_t vldrwq_gather_offset_s32(const int32_t *from, uint32x4_t offsets)
{
    int32x4_t v;
    for (int i = 0; i < 4; i++) {
        __builtin_memcpy(&v.lane[i], (const char *)from + offsets.lane[i], sizeof(int32_t));
    }
    return v;
}

/* The same by index, and zero where nothing is loaded. */
static inline int32x4_t vldrwq_gather_shifted_offset_z_s32(const int32_t *from, uint32x4_t offsets, mve_pred16_t p)
{
    int32x4_t v;
    for (int i = 0; i < 4; i++) {
        v.lane[i] = (p >> (4 * i) & 1) ? from[offsets.lane[i]] : 0;
    }
    return v;
}

/* Interleaves four vectors. */
static inline void vst4q_s8(int8_t *to, int8x16x4_t v)
{
    for (int i = 0; i < 64; i++) {
        to[i] = v.val[i % 4].lane[i / 4];
    }
}

/* Bytes into wider lanes. */
static inline int32x4_t vldrbq_z_s32(const int8_t *from, mve_pred16_t p)
{
    int32x4_t v;
    for (int i = 0; i < 4; i++) {
        v.lane[i] = (p >> (4 * i) & 1) ? from[i] : 0;
    }
    return v;
}

static inline int32x4_t vldrwq_s32(const int32_t *from)
{
    int32x4_t v;
    for (int i = 0; i < 4; i++) {
        v.lane[i] = from[i];
    }
    return v;
}

static inline void vstrwq_s32(int32_t *to, int32x4_t v)
{
    for (int i = 0; i < 4; i++) {
        to[i] = v.lane[i];
    }
}

/* Stores the low byte of each lane. */
static inline void vstrbq_p_s32(int8_t *to, int32x4_t v, mve_pred16_t p)
{
    for (int i = 0; i < 4; i++) {
        if (p >> (4 * i) & 1) {
            to[i] = (int8_t)v.lane[i];
        }
    }
}

static inline void vstrbq_p_s16(int8_t *to, int16x8_t v, mve_pred16_t p)
{
    for (int i = 0; i < 8; i++) {
        if (p >> (2 * i) & 1) {
            to[i] = (int8_t)v.lane[i];
        }
    }
}

static inline void vstrbq_s16(int8_t *to, int16x8_t v)
{
    vstrbq_p_s16(to, v, 0xffff);
}

static inline int16x8_t vldrbq_z_s16(const int8_t *from, mve_pred16_t p)
{
    int16x8_t v;
    for (int i = 0; i < 8; i++) {
        v.lane[i] = (int16_t)((p >> (2 * i) & 1) ? from[i] : 0);
    }
    return v;
}

static inline int16x8_t vldrbq_s16(const int8_t *from)
{
    return vldrbq_z_s16(from, 0xffff);
}

static inline void vstrbq_s32(int8_t *to, int32x4_t v)
{
    vstrbq_p_s32(to, v, 0xffff);
}

#include "arm_mve_arithmetic.h"
#include "arm_mve_floats.h"
#include "arm_mve_halfwords.h"
#include "arm_mve_halves.h"

#endif
