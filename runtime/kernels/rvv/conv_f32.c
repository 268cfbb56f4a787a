/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution of float32, output channels in the lanes.
 */
#include "f32.h"
#include "conv_float_tmpl.h"
