/* SPDX-License-Identifier: Apache-2.0
 *
 * The inner loop of convolution for Cortex-M3, in assembly: all fourteen registers are in use.
 */
#include "triples.h"

#if GROAT_SCALAR_ARM

/* Two packed words with a weight of each of four channels, whose sums are r4 to r11. */
#define TAP(w0, w1, w2, w3)                                              \
    "ldmia r1!, {r12, lr}\n"                                             \
    "ldrsb r0, [r2, #" w0 "]\nmla r4, r12, r0, r4\nmla r5, lr, r0, r5\n" \
    "ldrsb r0, [r2, #" w1 "]\nmla r6, r12, r0, r6\nmla r7, lr, r0, r7\n" \
    "ldrsb r0, [r2, #" w2 "]\nmla r8, r12, r0, r8\nmla r9, lr, r0, r9\n" \
    "ldrsb r0, [r2, #" w3 "]\nmla r10, r12, r0, r10\nmla r11, lr, r0, r11\n"

__attribute__((naked)) void groat_scalar_quads_of_three(__attribute__((unused)) groat_scalar_quads *q)
{
    __asm__ volatile(".syntax unified\n"
                     "push {r0, r4-r11, lr}\n"
                     "1:\n"
                     "ldrd r1, r3, [r0]\n"
                     "ldr r2, [r0, #12]\n"
                     "ldr r12, [r0, #32]\n"
                     "ldmia r12, {r4-r11}\n"
                     "cmp r1, r3\n"
                     "beq 3f\n"
                     "2:\n" TAP("0", "1", "2", "3") TAP("8", "9", "10", "11") TAP("16", "17", "18", "19")
                         TAP("24", "25", "26", "27") "adds r2, #32\n"
                                                     "cmp r1, r3\n"
                                                     "bne 2b\n"
                                                     "3:\n"
                                                     "ldr r0, [sp]\n"
                                                     "ldr r3, [r0, #8]\n"
                                                     "b 5f\n"
                                                     "4:\n" TAP("0", "1", "2", "3") "adds r2, #8\n"
                                                                                    "5:\n"
                                                                                    "cmp r1, r3\n"
                                                                                    "bne 4b\n"
                                                                                    "ldr r0, [sp]\n"
                                                                                    "ldr r12, [r0, #32]\n"
                                                                                    "stmia r12!, {r4-r11}\n"
                                                                                    "str r12, [r0, #32]\n"
                                                                                    "ldrd r1, r2, [r0, #12]\n"
                                                                                    "ldrd r3, r4, [r0, #20]\n"
                                                                                    "ldr r5, [r0, #28]\n"
                                                                                    "adds r1, r1, r2\n"
                                                                                    "subs r2, r3, r2\n"
                                                                                    "adds r4, #64\n"
                                                                                    "strd r1, r2, [r0, #12]\n"
                                                                                    "str r4, [r0, #24]\n"
                                                                                    "cmp r4, r5\n"
                                                                                    "blo 1b\n"
                                                                                    "pop {r0, r4-r11, pc}\n");
}

#else
typedef int groat_scalar_no_arm_assembly; /* an empty file is not C */
#endif
