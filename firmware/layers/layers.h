/* SPDX-License-Identifier: Apache-2.0
 *
 * What one step of a stream costs.  Only in the firmware that measures layers: its streams call the row functions of
 * their ops through layers.c, which the linker puts in their place.
 */
#ifndef GROAT_LAYERS_H
#define GROAT_LAYERS_H

#include <groat/groat.h>

#include "../app/protocol.h"

/* Runs the stream of a step and gives the ticks within that step's rows, and the stack of all.  Returns 0, and does
 * nothing, if the step is not of a stream. */
int groat_measure_layer(const groat_t *net, uint32_t step, groat_cost *cost);

#endif
