/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of float16.
 */
#include "f16.h"
#include "depthwise_tmpl.h"
