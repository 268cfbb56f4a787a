/* SPDX-License-Identifier: Apache-2.0
 *
 * What the gradients of convolutions of floats share.
 */
#include "../grad.h"
#include "finite.h"

static inline uint32_t at_most(uint32_t count, uint32_t most)
{
    return count < most ? count : most;
}

static inline void set_zeros(float *to, uint32_t count)
{
    for (size_t vl; count > 0; count -= vl, to += vl) {
        vl = __riscv_vsetvl_e32m8(count);
        __riscv_vse32_v_f32m8(to, rvv_zeros(vl), vl);
    }
}

/* Whether sums of float16 have overflowed on their way. */
static inline int has_overflowed(const float *sums, uint32_t count)
{
    return SUM_TERMS != UINT32_MAX && !rvv_finite_f32(sums, count);
}

/* alpha * sums, added to beta times what is there. */
static void blend(const float *sums, uint32_t count, float alpha, float beta, ELEMENT *to)
{
    for (size_t vl; count > 0; count -= vl, sums += vl, to += vl) {
        vl = __riscv_vsetvl_e32m8(count);
        vfloat32m8_t v = __riscv_vfmul_vf_f32m8(__riscv_vle32_v_f32m8(sums, vl), alpha, vl);
        if (beta != 0.0f) {
            v = __riscv_vfmacc_vf_f32m8(v, beta, WIDE_LOAD(to, vl), vl);
        }
        STORE(to, v, vl);
    }
}

/* Of the biases: the sums of dy over its pixels. */
static void bias_gradient(const ELEMENT *dy, uint32_t pixels, uint32_t stride, uint32_t channels, float alpha,
                          float beta, float *db)
{
    for (size_t vl; channels > 0; channels -= vl, dy += vl, db += vl) {
        vl = __riscv_vsetvl_e32m8(channels);
        vfloat32m8_t sum = rvv_zeros(vl);
        const ELEMENT *from = dy;
        for (uint32_t p = 0; p < pixels; p++, from += stride) {
            sum = ADD_VECTOR(sum, LOAD(from, vl), vl);
        }
        sum = __riscv_vfmul_vf_f32m8(sum, alpha, vl);
        if (beta != 0.0f) {
            sum = __riscv_vfmacc_vf_f32m8(sum, beta, __riscv_vle32_v_f32m8(db, vl), vl);
        }
        __riscv_vse32_v_f32m8(db, sum, vl);
    }
}

/* The terms of a sum: `rows` times `columns` of them, elements of x and dy. */
typedef struct terms {
    uint32_t rows;
    uint32_t columns;
    uint32_t x_row;
    uint32_t x_column;
    uint32_t dy_row;
    uint32_t dy_column;
} terms;

static void set_terms(terms *t, uint32_t rows, uint32_t columns)
{
    t->rows = rows;
    t->columns = columns;
    if (t->x_row == columns * t->x_column && t->dy_row == columns * t->dy_column) { /* as one row */
        t->columns *= rows;
        t->rows = 1;
    } else if (rows > columns) { /* long loops are cheaper */
        const terms old = *t;
        t->rows = columns;
        t->columns = rows;
        t->x_row = old.x_column;
        t->x_column = old.x_row;
        t->dy_row = old.dy_column;
        t->dy_column = old.dy_row;
    }
}
