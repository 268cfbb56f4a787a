/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax of one row, four elements at a time: their exponentials are gathered from the table, and beyond its end
 * nothing is loaded, which is a zero and so ends as the lowest output.
 */
#include <arm_mve.h>

#include "../softmax.h"
#include "vectors.h"

static int32_t highest(const int8_t *in, uint32_t count)
{
    int8_t max = INT8_MIN;
    for (int32_t left = (int32_t)count; left > 0; left -= 16, in += 16) {
        const mve_pred16_t lanes = vctp8q((uint32_t)left);
        max = vmaxvq_p_s8(max, vldrbq_z_s8(in, lanes), lanes);
    }
    return max;
}

/* groat_round_shift by -shift, 1 to 31, and for more than that zero, as the reference has it.  VRSHL rounds ties up, so
 * negative numbers get one less first; a table may hold the lowest number, which stays. */
static inline int32x4_t round_shift(int32x4_t x, int32_t shift)
{
    return vrshlq_n_s32(vqaddq_s32(x, vshrq_n_s32(x, 31)), shift);
}

static inline int32x4_t exponentials(const int32_t *table, uint32_t table_count, const int8_t *in, int32x4_t max,
                                     mve_pred16_t lanes)
{
    uint32x4_t difference = vreinterpretq_u32_s32(vsubq_s32(max, vldrbq_z_s32(in, lanes)));
    mve_pred16_t inside = vcmphiq_m_u32(vdupq_n_u32(table_count), difference, lanes);
    return vldrwq_gather_shifted_offset_z_s32(table, difference, inside);
}

void groat_softmax_s8_mve(const int32_t *table, uint32_t table_count, const int8_t *in, int8_t *out, uint32_t count)
{
    const int32x4_t max = vdupq_n_s32(highest(in, count));
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i += 4) {
        int32x4_t x = exponentials(table, table_count, in + i, max, vctp32q(count - i));
        sum = vaddvaq_u32(sum, vreinterpretq_u32_s32(round_shift(x, -12)));
    }
    const int32_t headroom = sum != 0 ? __builtin_clz(sum) : 0;
    const int32_t scale = groat_reciprocal_one_plus((int32_t)((sum << headroom) - (1u << 31)));
    const int32_t shift = headroom - (12 + 31 - 8); /* -35 to -4 */
    const int32x4_t lowest = vdupq_n_s32(INT8_MIN), most = vdupq_n_s32(INT8_MAX);
    for (uint32_t i = 0; i < count; i += 4) {
        const mve_pred16_t lanes = vctp32q(count - i);
        int32x4_t y = vqrdmulhq_n_s32(exponentials(table, table_count, in + i, max, lanes), scale);
        y = vaddq_n_s32(round_shift(y, shift), INT8_MIN);
        vstrbq_p_s32(out + i, vminq_s32(vmaxq_s32(y, lowest), most), lanes);
    }
}
