/* SPDX-License-Identifier: Apache-2.0
 *
 * From sums to bytes: gemmlowp's double rounding, channel by channel.
 *
 * vsmul rounding to nearest-up is groat_mul_high.  vnclip rounds halves up, where groat_round_shift rounds them away
 * from zero: one is subtracted from negative numbers first, which moves halves only.
 */
#ifndef GROAT_RVV_SCALE_H
#define GROAT_RVV_SCALE_H

#include <stddef.h>

#include "../kernels.h"

/* The assembly knows where its members lie. */
typedef struct groat_rvv_scale {
    const int32_t *multipliers;       /* 0: of the lower lanes */
    const int32_t *upper_multipliers; /* 4: of the lanes beyond one group of eight registers */
    const int16_t *shifts;            /* 8: to the right; all at least 1 unless `general` */
    const int16_t *upper_shifts;      /* 12 */
    int32_t zero_point;               /* 16 */
    int32_t act_min;                  /* 20 */
    int32_t act_max;                  /* 24 */
    uint32_t general;                 /* shifts may also be zero or to the left: only groat_rvv_scale_any can */
} groat_rvv_scale;

/* Scales `count` sums, to which `offset` is added, and writes as many bytes; for all shifts, one by one. */
void groat_rvv_scale_any(const groat_rvv_scale *s, const int32_t *sums, int32_t offset, int8_t *out, uint32_t count);

/* Whether these constants are ones that the kernels can scale with; for a packed model's check. */
int groat_rvv_scales_valid(const int32_t *multipliers, const int16_t *shifts, uint32_t count, uint32_t general);

#if defined(__riscv_vector)

#define GROAT_RVV_ALL_REGISTERS                                                                                        \
    "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16",       \
        "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "vl", \
        "vtype", "memory"

/* Scales the 32-bit lanes in `sum` and stores them at `out`; uses v0 to v15 and register %[a]. */
#define GROAT_RVV_SCALE(sum, lanes, multipliers, shifts, out)                                              \
    "vsetvli zero, " lanes ", e32, m8, ta, ma\n lw %[a], " multipliers "(%[scale])\n vle32.v v0, (%[a])\n" \
    "vsmul.vv " sum ", " sum ", v0\n vsra.vi v0, " sum ", 31\n vadd.vv " sum ", " sum ", v0\n"             \
    "vsetvli zero, " lanes ", e16, m4, ta, ma\n lw %[a], " shifts "(%[scale])\n vle16.v v8, (%[a])\n"      \
    "vnclip.wv v0, " sum ", v8\n vsadd.vx v0, v0, %[zero_point]\n"                                         \
    "vsetvli zero, " lanes ", e8, m2, ta, ma\n vnclip.wi v4, v0, 0\n"                                      \
    "vmax.vx v4, v4, %[low]\n vmin.vx v4, v4, %[high]\n vse8.v v4, (" out ")\n"
/* The same for the lower lanes, in v16, and the upper ones, in v24; these follow on the lower ones in a group of
 * twice as many registers as soon as they are narrowed. */
#define GROAT_RVV_SCALE_HALF(sum, lanes, multipliers)                                                      \
    "lw %[a], " multipliers "(%[scale])\n vsetvli zero, " lanes ", e32, m8, ta, ma\n vle32.v v0, (%[a])\n" \
    "vsmul.vv " sum ", " sum ", v0\n vsra.vi v0, " sum ", 31\n vadd.vv " sum ", " sum ", v0\n"
#define GROAT_RVV_SCALE_BOTH(out)                                                                \
    GROAT_RVV_SCALE_HALF("v16", "%[lower]", "0")                                                 \
    GROAT_RVV_SCALE_HALF("v24", "%[upper]", "4")                                                 \
    "lw %[a], 8(%[scale])\n vsetvli zero, %[lanes], e16, m8, ta, ma\n vle16.v v8, (%[a])\n"      \
    "vsetvli zero, %[lower], e16, m4, ta, ma\n vnclip.wv v0, v16, v8\n vnclip.wv v4, v24, v12\n" \
    "vsetvli zero, %[lanes], e16, m8, ta, ma\n vsadd.vx v0, v0, %[zero_point]\n"                 \
    "vsetvli zero, %[lanes], e8, m4, ta, ma\n vnclip.wi v8, v0, 0\n"                             \
    "vmax.vx v8, v8, %[low]\n vmin.vx v8, v8, %[high]\n vse8.v v8, (" out ")\n"
/* Its operands, but for %[a]. */
#define GROAT_RVV_SCALE_OPERANDS(s)                                                         \
    [scale] "r"(s), [zero_point] "r"((s)->scale.zero_point), [low] "r"((s)->scale.act_min), \
        [high] "r"((s)->scale.act_max)
#define GROAT_RVV_SCALE_LOWER(lanes, out) GROAT_RVV_SCALE("v16", lanes, "0", "8", out)
#define GROAT_RVV_SCALE_UPPER(lanes, out) GROAT_RVV_SCALE("v24", lanes, "4", "12", out)

/* The lanes of 32 bits that a group of eight registers holds. */
static inline uint32_t groat_rvv_group_lanes(void)
{
    uint32_t lanes;
    __asm__("vsetvli %0, zero, e32, m8, ta, ma" : "=r"(lanes) : : "vl", "vtype");
    return lanes;
}

/* Once in a kernel, before it scales. */
static inline void groat_rvv_round_to_nearest_up(void)
{
    __asm__ volatile("csrwi vxrm, 0");
}

#else

static inline uint32_t groat_rvv_group_lanes(void)
{
    return 32;
}

static inline void groat_rvv_round_to_nearest_up(void)
{
}

#endif

/* Splits `lanes` lanes in two, and says how many are lower ones. */
static inline uint32_t groat_rvv_split(groat_rvv_scale *s, const int32_t *multipliers, const int16_t *shifts,
                                       uint32_t lanes)
{
    uint32_t lower = groat_rvv_group_lanes();
    lower = lower < lanes ? lower : lanes;
    s->multipliers = multipliers;
    s->upper_multipliers = multipliers + lower;
    s->shifts = shifts;
    s->upper_shifts = shifts + lower;
    return lower;
}

#endif
