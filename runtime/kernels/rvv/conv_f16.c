/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution of float16, output channels in the lanes.
 */
#include "f16.h"
#include "conv_float_tmpl.h"
