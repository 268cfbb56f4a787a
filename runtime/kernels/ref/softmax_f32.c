/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax of float32.
 */
#include "f32.h"
#include "softmax_tmpl.h"
