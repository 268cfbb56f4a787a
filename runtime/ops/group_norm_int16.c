/* SPDX-License-Identifier: Apache-2.0
 *
 * Group normalisation of int16.
 */
#define ELEMENT int16_t
#define DTYPE GROAT_INT16

#include "group_norm_tmpl.h"

const groat_op groat_op_group_norm_int16 = {check, NULL, run};
