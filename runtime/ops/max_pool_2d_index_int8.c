/* SPDX-License-Identifier: Apache-2.0
 *
 * Maximum pooling of int8 that remembers where its maxima were.
 */
#include "as_int8.h"
#include "../core/op.h"

typedef groat_max_pool_2d_index_int8_params op_params;

#include "max_pool_2d_index_tmpl.h"

const groat_op groat_op_max_pool_2d_index_int8 = {check, NULL, run};
