/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers of float32.
 */
#include "f32.h"
#include "conv_tmpl.h"
