/* SPDX-License-Identifier: Apache-2.0
 *
 * What firmware/port/port.h promises, as far as checkkernel needs it, on a host; it has no counter.
 */
#include <stdio.h>
#include <stdlib.h>

#include "firmware/port/port.h"

static _Alignas(16) uint8_t memory[CHECKKERNEL_BYTES];
const groat_memory groat_memories[] = {{memory, sizeof memory}};

static FILE *in_file;
static FILE *out_file;

_Noreturn void groat_exit(int code)
{
    exit(code);
}

void groat_print(const char *text)
{
    fputs(text, stdout);
}

int groat_channel_open(void)
{
    in_file = fopen("groat.in", "rb");
    out_file = fopen("groat.out", "wb");
    return in_file != NULL && out_file != NULL ? 0 : -1;
}

int groat_channel_read(void *bytes, uint32_t count)
{
    return fread(bytes, 1, count, in_file) == count ? 0 : -1;
}

/* At once: what was answered must be there even if the next kernel ends the program. */
int groat_channel_write(const void *bytes, uint32_t count)
{
    return fwrite(bytes, 1, count, out_file) == count && fflush(out_file) == 0 ? 0 : -1;
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
