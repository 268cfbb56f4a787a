/* SPDX-License-Identifier: Apache-2.0
 *
 * What training does with float16, element by element.
 */
#include "f16.h"
#include "train_tmpl.h"
