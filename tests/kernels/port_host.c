/* SPDX-License-Identifier: Apache-2.0
 *
 * What firmware/port/port.h promises, as far as checkkernel needs it, on a host; it has no counter.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../firmware/port/port.h"

_Noreturn void groat_exit(int code)
{
    exit(code);
}

void groat_print(const char *text)
{
    fputs(text, stdout);
}

void groat_print_hex(const char *text, uint32_t value)
{
    printf("%s0x%08x", text, (unsigned)value);
}

void groat_counter_start(void)
{
}

uint64_t groat_counter_read(void)
{
    return 0;
}

uint64_t groat_counter_since(uint64_t earlier)
{
    return 0 - earlier;
}
