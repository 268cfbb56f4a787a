/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions of one int16 as tables: their values at -32768, -32640 and so on, and lines between them.
 */
#ifndef GROAT_INTERPOLATE_H
#define GROAT_INTERPOLATE_H

#include <stdint.h>

enum {
    GROAT_TABLE_S16 = 513 /* entries, the last only to interpolate towards */
};

/* Between two entries, so that the result is an int16, too. */
static inline int32_t groat_interpolate_s16(const int16_t *table, int32_t x)
{
    const int16_t *at = table + 256 + (x >> 7);
    return at[0] + (((at[1] - at[0]) * (x & 127) + 64) >> 7);
}

#endif
