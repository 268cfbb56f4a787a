/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers of float16.
 */
#include "f16.h"
#include "conv_tmpl.h"
