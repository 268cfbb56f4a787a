/* SPDX-License-Identifier: Apache-2.0
 *
 * Does what the build says it must not: see the handler's message.
 */
#include "port.h"

#if defined(FAULT_ILLEGAL)
static void misbehave(void)
{
#if defined(__riscv)
    __asm__ volatile(".word 0xFFFFFFFF");
#else
    __asm__ volatile("udf #0");
#endif
}
#elif defined(FAULT_ADDRESS)
static void misbehave(void)
{
    *(volatile uint32_t *)0xE8000000u = 1; /* nothing lies there on any of the machines */
}
#elif defined(FAULT_STACK)
static volatile uint32_t depth;

__attribute__((noinline)) static uint32_t sink(uint32_t n)
{
    volatile uint32_t local[16];
    local[n % 16] = n;
    depth = n;
    return sink(n + 1) + local[(n + 3) % 16];
}

static void misbehave(void)
{
    sink(0);
}
#elif defined(FAULT_HANG)
static void misbehave(void)
{
    for (;;) {
        __asm__ volatile("");
    }
}
#endif

int main(void)
{
    groat_print("here I go\n");
    misbehave();
    return 0;
}
