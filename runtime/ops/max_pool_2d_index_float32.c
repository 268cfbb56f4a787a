/* SPDX-License-Identifier: Apache-2.0
 *
 * Maximum pooling of float32 that remembers where its maxima were.
 */
#include "as_float32.h"
#include "../core/op.h"

typedef groat_max_pool_2d_index_float32_params op_params; /* the fields are the same for both types */

#include "max_pool_2d_index_tmpl.h"

const groat_op groat_op_max_pool_2d_index_float32 = {check, NULL, run};
