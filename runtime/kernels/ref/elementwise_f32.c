/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums and products of float32.
 */
#include "f32.h"
#include "elementwise_tmpl.h"
