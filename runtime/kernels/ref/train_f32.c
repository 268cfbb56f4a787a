/* SPDX-License-Identifier: Apache-2.0
 *
 * What training does with float32, element by element.
 */
#include "f32.h"
#include "train_tmpl.h"
