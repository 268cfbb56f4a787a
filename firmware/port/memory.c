/* SPDX-License-Identifier: Apache-2.0
 *
 * The two functions that compilers and the runtime expect of a C library, so that no library has to be found
 * for every core and compiler; weak, as a core's start-up code may bring better ones.  Built without the
 * optimisation that would turn their loops into calls of themselves.
 */
#include <stddef.h>
#include <stdint.h>

typedef uint32_t __attribute__((may_alias)) word;

static int is_aligned(const void *address)
{
    return (uintptr_t)address % sizeof(word) == 0;
}

__attribute__((weak)) void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if (is_aligned(t) && is_aligned(f)) {
        for (; count >= sizeof(word); count -= sizeof(word)) {
            *(word *)(void *)t = *(const word *)(const void *)f;
            t += sizeof(word);
            f += sizeof(word);
        }
    }
    while (count-- > 0) {
        *t++ = *f++;
    }
    return to;
}

__attribute__((weak)) void *memset(void *to, int value, size_t count)
{
    uint8_t *t = to;
    if (is_aligned(t)) {
        word pattern = (uint8_t)value * 0x01010101u;
        for (; count >= sizeof(word); count -= sizeof(word)) {
            *(word *)(void *)t = pattern;
            t += sizeof(word);
        }
    }
    while (count-- > 0) {
        *t++ = (uint8_t)value;
    }
    return to;
}
