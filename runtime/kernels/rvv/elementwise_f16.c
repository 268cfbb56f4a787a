/* SPDX-License-Identifier: Apache-2.0
 *
 * Elements of float16: sums, gradients of clamps, whether all are finite.
 */
#include "f16.h"
#include "elementwise_float_tmpl.h"
