/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of float32.
 */
#include "f32.h"
#include "depthwise_tmpl.h"
