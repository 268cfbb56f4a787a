/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers as text.
 */
#include "port.h"

void groat_print_hex(const char *text, uint32_t value)
{
    char digits[] = "0x00000000";
    for (int i = 9; i > 1; i--) {
        uint32_t digit = value & 15u;
        digits[i] = (char)(digit + (digit < 10 ? '0' : 'a' - 10));
        value >>= 4;
    }
    groat_print(text);
    groat_print(digits);
}
