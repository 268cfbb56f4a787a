/* SPDX-License-Identifier: Apache-2.0
 *
 * What the gradients of convolutions of floats share.
 */
#include "../grad.h"
#include "finite.h"

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

/* alpha * sums, added to beta times what is there, `step` elements apart. */
static void blend(const float *sums, uint32_t count, float alpha, float beta, ELEMENT *to, uint32_t step)
{
    const ptrdiff_t apart = (ptrdiff_t)(step * sizeof(ELEMENT));
    for (size_t vl; count > 0; count -= vl, sums += vl, to += vl * step) {
        vl = __riscv_vsetvl_e32m8(count);
        vfloat32m8_t v = __riscv_vfmul_vf_f32m8(__riscv_vle32_v_f32m8(sums, vl), alpha, vl);
        if (beta != 0.0f) {
            v = __riscv_vfmacc_vf_f32m8(v, beta, step == 1 ? WIDE_LOAD(to, vl) : WIDE_LOAD_STRIDED(to, apart, vl), vl);
        }
        if (step == 1) {
            STORE(to, v, vl);
        } else {
            STORE_STRIDED(to, apart, v, vl);
        }
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

/* The terms of a sum: `rows` times `columns` products of elements of two arrays. */
typedef struct terms {
    uint32_t rows;
    uint32_t columns;
    uint32_t x_row; /* from one to the next */
    uint32_t x_column;
    uint32_t y_row;
    uint32_t y_column;
} terms;

static void set_terms(terms *t, uint32_t rows, uint32_t columns)
{
    t->rows = rows;
    t->columns = columns;
    if (t->x_row == columns * t->x_column && t->y_row == columns * t->y_column) { /* as one row */
        t->columns *= rows;
        t->rows = 1;
    } else if (rows > columns) { /* long loops are cheaper */
        const terms old = *t;
        t->rows = columns;
        t->columns = rows;
        t->x_row = old.x_column;
        t->x_column = old.x_row;
        t->y_row = old.y_column;
        t->y_column = old.y_row;
    }
}

/* Those of the same sum with its factors exchanged. */
static inline terms exchanged(const terms *t)
{
    return (terms){t->rows, t->columns, t->y_row, t->y_column, t->x_row, t->x_column};
}

#ifdef __riscv
/* What `term` does, `left` times, by fours and one by one. */
#define EACH_TERM(term)                                          \
    "addi %[left], %[left], -4\n\t"                              \
    "bltz %[left], 2f\n"                                         \
    "1:\n\t" term term term term "addi %[left], %[left], -4\n\t" \
    "bgez %[left], 1b\n"                                         \
    "2:\n\t"                                                     \
    "addi %[left], %[left], 4\n\t"                               \
    "beqz %[left], 4f\n"                                         \
    "3:\n\t" term "addi %[left], %[left], -1\n\t"                \
    "bnez %[left], 3b\n"                                         \
    "4:"
#endif

/* The gradient of the weights where outputs are the lanes, of a convolution or of all outputs of a depthwise one's input
 * channel: weights are `weight_step` apart, filters `filter_step`.  What scratch it takes. */
void KERNEL(weights_by_outputs)(const groat_conv_grad_float *k, const ELEMENT *x, const ELEMENT *dy, ELEMENT *dw,
                                uint32_t weight_step, uint32_t filter_step);
uint64_t NEEDS(weights_by_outputs)(const groat_conv_grad_float *k);
