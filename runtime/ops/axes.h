/* SPDX-License-Identifier: Apache-2.0
 *
 * Which axes of a tensor are kept and which are reduced, as MEAN has them in its parameters.
 */
#ifndef GROAT_OPS_AXES_H
#define GROAT_OPS_AXES_H

#include "../core/op.h"

/* The whole tensor is the argument `whole`, what is left of it the argument `left`. */
static inline int groat_check_reduction(const groat_call *call, const groat_mean_float32_params *p, uint32_t whole,
                                        uint32_t left, uint8_t dtype)
{
    uint64_t kept = groat_product(p->kept_dims, 4);
    uint64_t reduced = groat_product(p->reduced_dims, 4);
    GROAT_TRY(groat_check_tensor(call, left, dtype, kept));
    uint64_t elements = groat_elements(groat_arg_tensor(call, whole));
    GROAT_REQUIRE(reduced > 0 && reduced < 1u << 24 && kept > 0 && kept * reduced == elements);
    GROAT_TRY(groat_check_tensor(call, whole, dtype, elements));
    uint64_t last = 0;
    for (int i = 0; i < 4; i++) {
        last += (uint64_t)(p->kept_dims[i] - 1) * p->kept_strides[i];
        GROAT_REQUIRE(last < elements);
        last += (uint64_t)(p->reduced_dims[i] - 1) * p->reduced_strides[i];
        GROAT_REQUIRE(last < elements);
    }
    return GROAT_OK;
}

/* The next index of all dims but the last, counted like a number whose digits they are; `at` is its place by `strides`. */
static inline void groat_next(uint32_t index[3], const uint32_t dims[4], const uint32_t strides[4], uint32_t *at)
{
    for (int i = 2; i >= 0; i--) {
        *at += strides[i];
        if (++index[i] < dims[i]) {
            return;
        }
        *at -= dims[i] * strides[i];
        index[i] = 0;
    }
}

#endif
