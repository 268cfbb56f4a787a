/* SPDX-License-Identifier: Apache-2.0
 *
 * What every core does between its first instruction and main().
 */
#ifndef GROAT_STARTUP_H
#define GROAT_STARTUP_H

/* The first instruction, where the core begins. */
_Noreturn void groat_reset(void);

/* Fills .data and .bss, runs main() and leaves with its result.  The stack is set up, the FPU enabled. */
_Noreturn void groat_startup(void);

#endif
