/* SPDX-License-Identifier: Apache-2.0
 *
 * A clamp of floats.  Included for each type, which defines DTYPE, ELEMENT, WIDE and NARROW.
 */
#include "../core/op.h"
#include "../kernels/float.h"

#define PARAMS groat_clamp_float32_params /* the fields are the same for every type */

static int valid(const PARAMS *p)
{
    return p->act_min <= p->act_max;
}

static float map(const PARAMS *p, float x)
{
    return groat_clamp_float(x, p->act_min, p->act_max);
}

#include "map_float_tmpl.h"
