/* SPDX-License-Identifier: Apache-2.0
 *
 * What a call costs.
 */
#ifndef GROAT_MEASURE_H
#define GROAT_MEASURE_H

#include "protocol.h"

/* Calls call(argument) and says how many ticks went by and how deep the stack went. */
groat_cost groat_measure(void (*call)(void *argument), void *argument);

/* How many bytes of stack a call measured from here may use. */
uint32_t groat_measure_limit(void);

#endif
