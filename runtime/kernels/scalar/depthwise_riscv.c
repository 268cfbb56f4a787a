/* SPDX-License-Identifier: Apache-2.0
 *
 * A 3x3 window sliding along a row, for RISC-V without vectors, in assembly: nine weights, the constants of a channel and
 * three sums take all registers.
 */
#include "depthwise.h"

#if GROAT_SCALAR_RISCV

/* An input of row p with the weights of its column in the window that ends there, in the next and in the one behind. */
#define INPUT(p) "lb t1, 0(" p ")\nadd " p ", " p ", a3\n"
#define OLD(sum, w) "mul t0, t1, " w "\nadd " sum ", " sum ", t0\n"
#define NEW(sum, start, w) "mul t1, t1, " w "\nadd " sum ", " start ", t1\n"

/* A column of inputs: the third of the window of sum a, the second of that of b, the first of that of c. */
#define FIRST(c) INPUT("a0") NEW(c, "s9", "s0") INPUT("a1") NEW(c, c, "s3") INPUT("a2") NEW(c, c, "s6")
#define SECOND(b) INPUT("a0") OLD(b, "s1") INPUT("a1") OLD(b, "s4") INPUT("a2") OLD(b, "s7")
#define SECOND_FIRST(b, c) \
    INPUT("a0")            \
    OLD(b, "s1") NEW(c, "s9", "s0") INPUT("a1") OLD(b, "s4") NEW(c, c, "s3") INPUT("a2") OLD(b, "s7") NEW(c, c, "s6")
#define THIRD_FIRST(a, c) \
    INPUT("a0")           \
    OLD(a, "s2") NEW(c, "s9", "s0") INPUT("a1") OLD(a, "s5") NEW(c, c, "s3") INPUT("a2") OLD(a, "s8") NEW(c, c, "s6")
#define ALL(a, b, c)                                                                                               \
    INPUT("a0")                                                                                                    \
    OLD(a, "s2") OLD(b, "s1") NEW(c, "s9", "s0") INPUT("a1") OLD(a, "s5") OLD(b, "s4") NEW(c, c, "s3") INPUT("a2") \
        OLD(a, "s8") OLD(b, "s7") NEW(c, c, "s6")

/* multiplier s10, offset s11, shift t6, bounds a4 and a5; a6: what is negative becomes the lower one. */
#define OUTPUT(x)                                                                            \
    "bltz " x ", 2f\nslli " x ", " x ", 2\nmulh " x ", " x ", s10\nadd " x ", " x ", s11\n"  \
    "sra " x ", " x ", t6\nbge a5, " x ", 4f\nmv " x ", a5\nj 4f\n2:\nbnez a6, 3f\n"         \
    "slli " x ", " x ", 2\nmulh " x ", " x ", s10\naddi " x ", " x ", -2\n"                  \
    "add " x ", " x ", s11\nsra " x ", " x ", t6\nbge " x ", a4, 4f\n3:\nmv " x ", a4\n4:\n" \
    "sb " x ", 0(a7)\nadd a7, a7, t2\n"

/* Outputs from a7 to ra, t2 apart; the argument is at sp. */
#define SLIDE(COLUMNS)                                                                                 \
    "addi sp, sp, -64\nsw ra, 4(sp)\nsw s0, 8(sp)\nsw s1, 12(sp)\nsw s2, 16(sp)\nsw s3, 20(sp)\n"      \
    "sw s4, 24(sp)\nsw s5, 28(sp)\nsw s6, 32(sp)\nsw s7, 36(sp)\nsw s8, 40(sp)\nsw s9, 44(sp)\n"       \
    "sw s10, 48(sp)\nsw s11, 52(sp)\nsw a0, 0(sp)\nmv t0, a0\n"                                        \
    "lw a1, 4(t0)\nlw a2, 8(t0)\nlw a3, 12(t0)\nlw a4, 36(t0)\nlw a5, 40(t0)\nlw a6, 44(t0)\n"         \
    "lw a7, 28(t0)\nlw t2, 32(t0)\nlw ra, 52(t0)\nlw a0, 0(t0)\nadd ra, ra, a7\n"                      \
    "5:\nlw t0, 0(sp)\nlw t1, 20(t0)\nlw t3, 16(t0)\n"                                                 \
    "lw s9, 0(t1)\nlw s10, 4(t1)\nlw s11, 8(t1)\nlhu t6, 12(t1)\naddi t1, t1, 16\nsw t1, 20(t0)\n"     \
    "lb s0, 0(t3)\nlb s1, 4(t3)\nlb s2, 8(t3)\nlb s3, 12(t3)\nlb s4, 16(t3)\nlb s5, 20(t3)\n"          \
    "lb s6, 24(t3)\nlb s7, 28(t3)\nlb s8, 32(t3)\n"                                                    \
    "addi t3, t3, 1\nandi t1, t3, 3\nbnez t1, 6f\naddi t3, t3, 32\n6:\nsw t3, 16(t0)\n" COLUMNS        \
    "7:\nlw t0, 0(sp)\nlw t1, 48(t0)\nadd a0, a0, t1\nadd a1, a1, t1\nadd a2, a2, t1\nlw t1, 52(t0)\n" \
    "sub a7, a7, t1\naddi a7, a7, 1\naddi ra, ra, 1\nlw t1, 20(t0)\nlw t0, 24(t0)\nbltu t1, t0, 5b\n"  \
    "lw ra, 4(sp)\nlw s0, 8(sp)\nlw s1, 12(sp)\nlw s2, 16(sp)\nlw s3, 20(sp)\nlw s4, 24(sp)\n"         \
    "lw s5, 28(sp)\nlw s6, 32(sp)\nlw s7, 36(sp)\nlw s8, 40(sp)\nlw s9, 44(sp)\nlw s10, 48(sp)\n"      \
    "lw s11, 52(sp)\naddi sp, sp, 64\nret\n"

__attribute__((naked)) void groat_scalar_slide_one(__attribute__((unused)) groat_scalar_slide *s)
{
    __asm__ volatile(
        SLIDE(FIRST("t3") SECOND_FIRST("t3", "t4") "1:\n" ALL("t3", "t4", "t5") OUTPUT("t3") "beq a7, ra, 7f\n" ALL(
            "t4", "t5", "t3") OUTPUT("t4") "beq a7, ra, 7f\n" ALL("t5", "t3", "t4") OUTPUT("t5") "bne a7, ra, 1b\n"));
}

__attribute__((naked)) void groat_scalar_slide_two(__attribute__((unused)) groat_scalar_slide *s)
{
    __asm__ volatile(SLIDE(FIRST("t3") "1:\n" SECOND("t3") THIRD_FIRST("t3", "t4") OUTPUT(
        "t3") "beq a7, ra, 7f\n" SECOND("t4") THIRD_FIRST("t4", "t3") OUTPUT("t4") "bne a7, ra, 1b\n"));
}

#else
typedef int groat_scalar_no_riscv; /* an empty file is not C */
#endif
