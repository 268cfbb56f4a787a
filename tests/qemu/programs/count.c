/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints the ticks of loops of known length: two instructions to a round.
 */
#include "port.h"

#if defined(__riscv)
#define ROUNDS(n) __asm__ volatile("1: addi %0, %0, -1\n bnez %0, 1b" : "+r"(n))
#else
#define ROUNDS(n) __asm__ volatile(".syntax unified\n 1: subs %0, %0, #1\n bne 1b" : "+l"(n) : : "cc")
#endif

__attribute__((noinline)) static uint32_t ticks_of(uint32_t rounds)
{
    uint64_t before = groat_counter_read();
    ROUNDS(rounds);
    return (uint32_t)groat_counter_since(before);
}

int main(void)
{
    static const uint32_t lengths[] = {1, 2, 3, 4, 5, 10, 11, 100, 101, 12345, 1000000};
    groat_counter_start();
    for (uint32_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        groat_print_hex("", lengths[i]);
        groat_print_hex(" ", ticks_of(lengths[i]));
        groat_print("\n");
    }
    return 0;
}
