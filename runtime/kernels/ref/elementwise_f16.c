/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums and products of float16.
 */
#include "f16.h"
#include "elementwise_tmpl.h"
