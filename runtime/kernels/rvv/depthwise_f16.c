/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of float16, output channels in the lanes.
 */
#include "f16.h"
#include "depthwise_float_tmpl.h"
