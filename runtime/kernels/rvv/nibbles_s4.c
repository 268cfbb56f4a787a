/* SPDX-License-Identifier: Apache-2.0
 *
 * Four-bit weights, unpacked to those of the s8 kernels.
 *
 * Nibbles are signed.  UNIT bytes hold the weights that come first in their low halves and as many more in their high
 * ones; the last bytes, if they are fewer, hold what is left in the same way.
 */
#include <riscv_vector.h>

#include "../nibbles.h"
#include "tile.h"

#define UNIT 64u

int groat_conv_s8_needs_rvv(const groat_conv_s8 *k, groat_needs *needs);
int groat_conv_s8_check_rvv(const groat_conv_s8 *k);
int groat_depthwise_s8_needs_rvv(const groat_depthwise_s8 *k, groat_needs *needs);
int groat_depthwise_s8_check_rvv(const groat_depthwise_s8 *k);

static uint64_t bytes_of(uint64_t weights)
{
    return (weights + 1) / 2;
}

static void unpack(const uint8_t *from, int8_t *to, uint32_t weights)
{
    for (uint32_t left = (uint32_t)bytes_of(weights); left > 0;) {
        /* A vector that is longer than a unit would still take only one. */
        size_t vl = __riscv_vsetvl_e8m4(left < UNIT ? left : UNIT);
        vint8m4_t bytes = __riscv_vle8_v_i8m4((const int8_t *)from, vl);
        __riscv_vse8_v_i8m4(to, __riscv_vsra_vx_i8m4(__riscv_vsll_vx_i8m4(bytes, 4, vl), 4, vl), vl);
        __riscv_vse8_v_i8m4(to + vl, __riscv_vsra_vx_i8m4(bytes, 4, vl), vl);
        from += vl;
        to += 2 * vl;
        left -= (uint32_t)vl;
    }
}

int groat_conv_s4_needs_rvv(const groat_conv_s8 *k, groat_needs *needs)
{
    int known = groat_conv_s8_needs_rvv(k, needs);
    groat_nibbles_needs(needs, bytes_of(needs->weights_bytes));
    return known && k->layout <= LAYOUT_PLANES; /* weights of four bits fit their sums: nothing is behind segments */
}

int groat_conv_s4_check_rvv(const groat_conv_s8 *k)
{
    return groat_conv_s8_check_rvv(k);
}

void groat_conv_s4_unpack_rvv(groat_conv_s8 *k)
{
    groat_needs needs;
    groat_conv_s8_needs_rvv(k, &needs);
    unpack(k->weights, k->scratch, (uint32_t)needs.weights_bytes);
    GROAT_NIBBLES_DONE(k, needs.weights_bytes);
}

int groat_depthwise_s4_needs_rvv(const groat_depthwise_s8 *k, groat_needs *needs)
{
    int known = groat_depthwise_s8_needs_rvv(k, needs);
    groat_nibbles_needs_alone(needs, bytes_of(needs->weights_bytes));
    return known;
}

int groat_depthwise_s4_check_rvv(const groat_depthwise_s8 *k)
{
    return groat_depthwise_s8_check_rvv(k);
}

void groat_depthwise_s4_unpack_rvv(groat_depthwise_s8 *k)
{
    groat_needs needs;
    groat_depthwise_s8_needs_rvv(k, &needs);
    unpack(k->weights, k->scratch, (uint32_t)needs.weights_bytes);
    GROAT_NIBBLES_DONE(k, needs.weights_bytes);
}
