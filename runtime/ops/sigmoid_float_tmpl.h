/* SPDX-License-Identifier: Apache-2.0
 *
 * The logistic function and tanh of floats.  Included for each type, which defines DTYPE, ELEMENT, WIDE and NARROW.
 */
#include "../core/op.h"
#include "../kernels/exp.h"

#define PARAMS groat_sigmoid_float32_params /* the fields are the same for every type */

static int valid(const PARAMS *p)
{
    return p->tanh <= 1;
}

static float map(const PARAMS *p, float x)
{
    return p->tanh ? groat_tanh(x) : groat_logistic(x);
}

#include "map_float_tmpl.h"
