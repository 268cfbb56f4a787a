/* SPDX-License-Identifier: Apache-2.0
 *
 * Poolings of float32.
 */
#include "f32.h"
#include "pool_tmpl.h"
