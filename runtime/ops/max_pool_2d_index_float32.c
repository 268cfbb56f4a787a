/* SPDX-License-Identifier: Apache-2.0
 *
 * Maximum pooling of float32 that remembers where its maxima were.
 */
#include "as_float32.h"
#include "max_pool_2d_index_float_tmpl.h"

const groat_op groat_op_max_pool_2d_index_float32 = {check, NULL, run};
