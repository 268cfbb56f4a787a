/* SPDX-License-Identifier: Apache-2.0
 *
 * Elements of float32: sums, gradients of clamps, whether all are finite.
 */
#include "f32.h"
#include "elementwise_float_tmpl.h"
