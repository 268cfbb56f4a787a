/* SPDX-License-Identifier: Apache-2.0
 *
 * Measures one call: reads the counter around it, and paints the free stack before it to see afterwards how
 * much of the paint is left.  A file of its own, so that no compiler can build the measured call into it.
 */
#include "measure.h"

#include "../port/port.h"

enum {
    PAINT = 0x5AFEC0DE /* unlikely to be pushed */
};

#if defined(__riscv)
#define MOVE "mv"
#else
#define MOVE "mov"
#endif

static inline uint32_t *stack_pointer(void)
{
    uint32_t *sp;
    __asm__ volatile(MOVE " %0, sp" : "=r"(sp));
    return sp;
}

groat_cost groat_measure(void (*call)(void *argument), void *argument)
{
    volatile uint32_t *const sp = stack_pointer();
    for (volatile uint32_t *word = groat_stack_limit; (uintptr_t)word < (uintptr_t)sp; word++) {
        *word = PAINT;
    }
    uint64_t before = groat_counter_read();
    call(argument);
    uint64_t ticks = groat_counter_since(before);
    const volatile uint32_t *deepest = groat_stack_limit;
    while ((uintptr_t)deepest < (uintptr_t)sp && *deepest == PAINT) {
        deepest++;
    }
    return (groat_cost){
        .ticks = ticks,
        .stack_bytes = (uint32_t)((uintptr_t)sp - (uintptr_t)deepest),
        .depth_bytes = (uint32_t)((uintptr_t)groat_stack_top - (uintptr_t)deepest),
    };
}

uint32_t groat_measure_limit(void)
{
    return (uint32_t)((uintptr_t)stack_pointer() - (uintptr_t)groat_stack_limit);
}
