/* SPDX-License-Identifier: Apache-2.0
 *
 * A fence around the memory that firmware was built for: an access of anything else is a fault, not a mystery.
 */
#ifndef GROAT_FENCE_H
#define GROAT_FENCE_H

#include <stdint.h>

enum groat_access {
    GROAT_ACCESS_READ = 1,
    GROAT_ACCESS_WRITE = 2,
    GROAT_ACCESS_EXECUTE = 4
};

/* Memory from `start` up to `end`, both multiples of 32.  No gate lies in another. */
typedef struct groat_gate {
    uint32_t start, end;
    uint32_t access; /* of enum groat_access, or'ed */
} groat_gate;

/* All memory that this firmware has; the linker script defines them. */
extern const groat_gate groat_gates[];
extern const groat_gate groat_gates_end[];

/* From its return on, nothing but the gates and peripherals can be accessed. */
void groat_fence(void);

/* Ends the program where the core cannot describe so many gates. */
_Noreturn void groat_fence_too_small(void);

#endif
