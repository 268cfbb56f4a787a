/* SPDX-License-Identifier: Apache-2.0
 *
 * Any function of one byte, as a table.
 */
#include "../kernels.h"

void groat_lut_8_ref(const uint8_t *table, const uint8_t *in, uint8_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = table[in[i]];
    }
}
