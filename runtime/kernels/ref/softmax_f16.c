/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax of float16.
 */
#include "f16.h"
#include "softmax_tmpl.h"
