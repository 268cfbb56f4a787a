/* SPDX-License-Identifier: Apache-2.0
 *
 * A label put into an image, for forward-forward training (Hinton, 2022): the right one, a wrong one, or none.
 */
#include "../kernels/float.h"
#include "loss.h"

static int check(const groat_call *call)
{
    const groat_embed_label_params *p = groat_params(call);
    const uint32_t inputs = call->step->inputs;
    GROAT_REQUIRE(p->pattern <= 1 && p->draws <= 1 && p->classes >= 2);
    GROAT_REQUIRE(p->pattern || p->classes <= p->elements);
    GROAT_REQUIRE(inputs == 2 || (inputs == 1 && !p->draws));
    GROAT_TRY(groat_check_counts(call, inputs, 1u + p->draws));
    GROAT_TRY(groat_check_tensor(call, 0, GROAT_FLOAT32, p->elements));
    if (inputs == 2) {
        GROAT_TRY(groat_check_tensor(call, 1, GROAT_INT32, 1));
    }
    GROAT_TRY(groat_check_tensor(call, inputs, GROAT_FLOAT32, p->elements));
    return p->draws ? groat_check_tensor(call, inputs + 1, GROAT_INT32, 1) : GROAT_OK;
}

/* Whether element i is one that a label's pattern takes from: half of them, without order. */
static int takes(uint32_t i, uint32_t label)
{
    uint32_t mixed = i * 0x9E3779B1u + (label + 1u) * 0x85EBCA77u;
    mixed = (mixed ^ mixed >> 15) * 0xC2B2AE3Du;
    mixed = (mixed ^ mixed >> 13) * 0x27D4EB2Fu;
    return (int)(mixed >> 31);
}

/* Another label, each with the same probability. */
static uint32_t drawn(uint32_t label, uint32_t classes, uint32_t *noise)
{
    *noise = *noise * 1664525u + 1013904223u; /* as in conv_2d_weight_grad_bfp16.c */
    const uint32_t other = label + 1u + (*noise >> 8) % (classes - 1u);
    return other < classes ? other : other - classes;
}

static void show(const groat_embed_label_params *p, const float *x, const uint32_t *label, float *y)
{
    for (uint32_t i = 0; i < p->elements; i++) {
        if (p->pattern) {
            const float sign = label == NULL ? 0.0f : takes(i, *label) ? -p->amplitude : p->amplitude;
            y[i] = x[i] + sign;
        } else if (i < p->classes) {
            y[i] = label == NULL ? p->amplitude / (float)p->classes : i == *label ? p->amplitude : 0.0f;
        } else {
            y[i] = x[i];
        }
    }
}

static void run(const groat_call *call)
{
    const groat_embed_label_params *p = groat_params(call);
    const float *x = groat_in(call, 0);
    float *y = groat_out(call, 0);
    if (call->step->inputs == 1) {
        show(p, x, NULL, y);
        return;
    }
    uint32_t label = (uint32_t)*(const int32_t *)groat_in(call, 1);
    if (label >= p->classes) {
        for (uint32_t i = 0; i < p->elements; i++) {
            y[i] = __builtin_nanf(""); /* so that the step is refused */
        }
        return;
    }
    if (p->draws) {
        label = drawn(label, p->classes, groat_out(call, 1));
    }
    show(p, x, &label, y);
}

const groat_op groat_op_embed_label = {check, NULL, run};
