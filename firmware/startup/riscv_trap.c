/* SPDX-License-Identifier: Apache-2.0
 *
 * RISC-V: says which trap, where, and leaves.
 */
#include "../port/port.h"

_Noreturn void groat_trap(uint32_t stack_pointer, uint32_t cause, uint32_t pc, uint32_t value, uint32_t caller);

_Noreturn void groat_trap(uint32_t stack_pointer, uint32_t cause, uint32_t pc, uint32_t value, uint32_t caller)
{
    static const char *const names[] = {
        "misaligned instruction", "instruction access fault", "illegal instruction", "breakpoint",
        "misaligned load",        "load access fault",        "misaligned store",    "store access fault",
    };
    groat_print("groat: fault: ");
    groat_print(cause < sizeof names / sizeof names[0] ? names[cause] : "trap");
    groat_print_hex(" at ", pc);
    groat_print_hex(", called from ", caller);
    groat_print_hex(", mcause ", cause);
    groat_print_hex(", mtval ", value);
    if (stack_pointer < (uintptr_t)groat_stack_limit || stack_pointer > (uintptr_t)groat_stack_top) {
        groat_print_hex(", stack overflow: stack pointer ", stack_pointer);
        groat_print_hex(", limit ", (uint32_t)(uintptr_t)groat_stack_limit);
    }
    groat_print("\n");
    groat_exit(GROAT_EXIT_FAULT);
}
