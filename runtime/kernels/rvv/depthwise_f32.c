/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of float32, output channels in the lanes.
 */
#include "f32.h"
#include "depthwise_float_tmpl.h"
