/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that a core starts as C expects: data filled, bss cleared, memory functions and libgcc there, FPU on.
 */
#include <stddef.h>

#include "port.h"

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
#if defined(__arm__)
void __aeabi_memcpy(void *to, const void *from, size_t count);
void __aeabi_memcpy4(void *to, const void *from, size_t count);
void __aeabi_memmove(void *to, const void *from, size_t count);
void __aeabi_memset(void *to, size_t count, int value);
void __aeabi_memclr8(void *to, size_t count);
#endif

static volatile uint32_t filled = 0x12345678;
static volatile uint8_t cleared[37];
static volatile uint64_t dividend = 1000000000000000003ull;
static volatile uint32_t divisor = 1000003;
static volatile float three = 3.0f;
static uint8_t from[256], to[512];

/* All small lengths and some larger ones at all offsets; the bytes around must stay. */
static int memory_functions_work(void)
{
    for (uint32_t i = 0; i < sizeof from; i++) {
        from[i] = (uint8_t)(i * 7 + 1);
    }
    for (uint32_t a = 0; a < 5; a++) {
        for (uint32_t b = 0; b < 5; b++) {
            for (uint32_t n = 0; n < 200; n += n < 20 ? 1 : 11) {
                memset(to, 0xEE, sizeof to);
                memcpy(to + 8 + a, from + b, n);
                memset(to + 256 + a, 0x5A, n);
                for (uint32_t i = 0; i < sizeof to; i++) {
                    uint32_t copied = i - 8 - a, set = i - 256 - a;
                    uint8_t expected = copied < n ? from[b + copied] : set < n ? 0x5A : 0xEE;
                    if (to[i] != expected) {
                        return 0;
                    }
                }
            }
        }
    }
    return 1;
}

/* Both ways, by every distance up to some words, with and without a common alignment. */
static int moving_works(void)
{
    for (uint32_t a = 0; a < 48; a++) {
        for (uint32_t b = 0; b < 48; b += b < 9 ? 1 : 5) {
            for (uint32_t n = 0; n < 150; n += n < 12 ? 1 : 17) {
                for (uint32_t i = 0; i < sizeof to; i++) {
                    to[i] = (uint8_t)(i * 7 + 1);
                }
                memmove(to + a, to + b, n);
                for (uint32_t i = 0; i < sizeof to; i++) {
                    uint32_t moved = i - a;
                    if (to[i] != (uint8_t)((moved < n ? b + moved : i) * 7 + 1)) {
                        return 0;
                    }
                }
            }
        }
    }
    return 1;
}

/* Arm's names for them. */
static int aliases_work(void)
{
#if defined(__arm__)
    __aeabi_memset(to, 64, 0xA5);
    __aeabi_memcpy4(to + 8, from, 12);
    __aeabi_memcpy(to + 21, from + 3, 9);
    __aeabi_memmove(to + 22, to + 21, 9);
    __aeabi_memclr8(to + 40, 16);
    for (uint32_t i = 0; i < 64; i++) {
        uint8_t expected = i - 8 < 12 ? from[i - 8] : i - 40 < 16 ? 0 : 0xA5;
        expected = i == 21 ? from[3] : i - 22 < 9 ? from[i - 19] : expected;
        if (to[i] != expected) {
            return 0;
        }
    }
#endif
    return 1;
}

int main(void)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < sizeof cleared; i++) {
        sum += cleared[i];
    }
    if (filled != 0x12345678 || sum != 0) {
        groat_print("data or bss is wrong\n");
        return 10;
    }
    if (dividend / divisor != 999997000008ull || dividend % divisor != 999979ull) {
        groat_print("64-bit division is wrong\n");
        return 11;
    }
    if (three * 0.5f + three != 4.5f) {
        groat_print("floats are wrong\n");
        return 12;
    }
    if (!memory_functions_work()) {
        groat_print("memcpy or memset is wrong\n");
        return 13;
    }
    if (!moving_works()) {
        groat_print("memmove is wrong\n");
        return 14;
    }
    if (!aliases_work()) {
        groat_print("an alias of a memory function is wrong\n");
        return 15;
    }
    groat_print_hex("all well ", 0xC0FFEE42);
    return 42;
}
