/* SPDX-License-Identifier: Apache-2.0
 *
 * Group normalisation of int8.
 */
#define ELEMENT int8_t
#define DTYPE GROAT_INT8

#include "group_norm_tmpl.h"

const groat_op groat_op_group_norm = {check, NULL, run};
