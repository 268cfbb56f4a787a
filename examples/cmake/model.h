/* SPDX-License-Identifier: Apache-2.0
 *
 * The packed model, linked into the program.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdint.h>

extern const uint8_t model[];
extern const uint32_t model_bytes;

#endif
