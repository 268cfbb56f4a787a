/* SPDX-License-Identifier: Apache-2.0
 *
 * Poolings of float16.
 */
#include "f16.h"
#include "pool_tmpl.h"
