/* SPDX-License-Identifier: Apache-2.0
 *
 * Armv6-M to Armv8.1-M: the vector table, the FPU, and a fault handler that says what went wrong and where.
 */
#include "../port/port.h"
#include "startup.h"

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

enum {
    CPACR = 0xE000ED88,
    CFSR = 0xE000ED28,
    MMFAR = 0xE000ED34,
    BFAR = 0xE000ED38,
    MPU_CTRL = 0xE000ED94,
    MPU_RBAR = 0xE000ED9C,
    MPU_RASR = 0xE000EDA0,
    CPACR_FPU = 0xF << 20, /* coprocessors 10 and 11: floating point, and MVE where there is one */
    CFSR_MMFAR_VALID = 1 << 7,
    CFSR_BFAR_VALID = 1 << 15,
    CFSR_STACKING = 1 << 4 | 1 << 12 | 1 << 20, /* the core could not push its registers */
    MPU_ON = 1 << 0 | 1 << 2,                   /* for regions that are described; the default map elsewhere */
    MPU_REGION_0 = 1 << 4,
    GUARD_BYTES = 1024,
    GUARD_REGION = 9 << 1 | 1 /* 2^(9 + 1) bytes that nothing may access */
};

/* The registers that the core pushes when it takes an exception. */
typedef struct exception_frame {
    uint32_t r0, r1, r2, r3, r12, lr, pc, xpsr;
} exception_frame;

__attribute__((used)) _Noreturn static void report_fault(const exception_frame *frame)
{
    static const char *const names[] = {"no exception", "reset",    "NMI",        "HardFault",
                                        "MemManage",    "BusFault", "UsageFault", "SecureFault"};
    uint32_t exception;
    __asm__ volatile("mrs %0, ipsr" : "=r"(exception));
    groat_print("groat: fault: ");
    groat_print(exception < sizeof names / sizeof names[0] ? names[exception] : "unexpected interrupt");
    uint32_t cause = 0; /* Armv6-M does not say */
#if !defined(__ARM_ARCH_6M__)
    cause = REGISTER(CFSR);
#endif
    /* Then the frame was never written. */
    if ((uintptr_t)frame < (uintptr_t)groat_stack_limit || (cause & CFSR_STACKING)) {
        groat_print_hex(", stack overflow: stack pointer ", (uint32_t)(uintptr_t)frame);
        groat_print_hex(", limit ", (uint32_t)(uintptr_t)groat_stack_limit);
    } else {
        groat_print_hex(" at ", frame->pc);
        groat_print_hex(", called from ", frame->lr);
    }
#if !defined(__ARM_ARCH_6M__)
    groat_print_hex(", CFSR ", cause);
    if (cause & CFSR_MMFAR_VALID) {
        groat_print_hex(", address ", REGISTER(MMFAR));
    } else if (cause & CFSR_BFAR_VALID) {
        groat_print_hex(", address ", REGISTER(BFAR));
    }
#endif
    groat_print("\n");
    groat_exit(GROAT_EXIT_FAULT);
}

/* Takes a fresh stack where less than 256 bytes are left, which may be what the fault is about. */
__attribute__((naked, used)) static void fault(void)
{
    __asm__ volatile(".syntax unified\n"
                     "mrs r0, msp\n"
                     "ldr r1, =groat_stack_limit + 256\n"
                     "cmp r0, r1\n"
                     "bhs 1f\n"
                     "ldr r1, =groat_stack_top\n"
                     "msr msp, r1\n"
                     "1: ldr r1, =report_fault\n"
                     "bx r1\n"
                     ".ltorg");
}

/* Makes a stack that runs over a fault, where it would else destroy what lies below: on Armv8-M by its stack
 * limit, on Armv7-M by a region of no access below the stack, which takes no memory. */
static void guard_stack(void)
{
#if defined(__ARM_ARCH_8M_MAIN__) || defined(__ARM_ARCH_8_1M_MAIN__)
    __asm__ volatile("msr msplim, %0" : : "r"(groat_stack_limit));
#elif defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__)
    REGISTER(MPU_RBAR) = ((uint32_t)(uintptr_t)groat_stack_limit - GUARD_BYTES) | MPU_REGION_0;
    REGISTER(MPU_RASR) = GUARD_REGION;
    REGISTER(MPU_CTRL) = MPU_ON;
    __asm__ volatile("dsb\n isb" : : : "memory");
#endif
}

_Noreturn void groat_reset(void)
{
    guard_stack();
#if defined(__ARM_FP)
    REGISTER(CPACR) |= CPACR_FPU;
    __asm__ volatile("dsb\n isb" : : : "memory");
#endif
    groat_startup();
}

typedef struct vector_table {
    uint32_t *stack_top;
    void (*handlers[15])(void);
} vector_table;

/* Reset, then the faults, SVCall, debug, PendSV and SysTick; nothing here uses interrupts. */
__attribute__((section(".vectors"), used)) static const vector_table vectors = {
    groat_stack_top,
    {groat_reset, fault, fault, fault, fault, fault, fault, 0, 0, 0, fault, fault, 0, fault, fault},
};
