/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution for RISC-V without vectors, in assembly: of a 3x3 window sliding along a row, nine weights, the
 * constants of a channel and three sums take all registers; of larger windows, the sums and inputs of five pixels.
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
#define THIRD(a) INPUT("a0") OLD(a, "s2") INPUT("a1") OLD(a, "s5") INPUT("a2") OLD(a, "s8")
#define THIRD_FIRST(a, c) \
    INPUT("a0")           \
    OLD(a, "s2") NEW(c, "s9", "s0") INPUT("a1") OLD(a, "s5") NEW(c, c, "s3") INPUT("a2") OLD(a, "s8") NEW(c, c, "s6")
#define ALL(a, b, c)   \
    INPUT("a0")        \
    OLD(a, "s2")       \
    OLD(b, "s1")       \
    NEW(c, "s9", "s0") \
    INPUT("a1") OLD(a, "s5") OLD(b, "s4") NEW(c, c, "s3") INPUT("a2") OLD(a, "s8") OLD(b, "s7") NEW(c, c, "s6")

/* A sum becomes an output; with `negative`, what is negative the lower bound. */
#define SCALE(x, multiplier, offset, shift, low, high, negative, out, stride)                                 \
    "bltz " x ", 2f\nslli " x ", " x ", 2\nmulh " x ", " x ", " multiplier "\nadd " x ", " x ", " offset "\n" \
    "sra " x ", " x ", " shift "\nbge " high ", " x ", 4f\nmv " x ", " high "\nj 4f\n"                        \
    "2:\nbnez " negative ", 3f\nslli " x ", " x ", 2\nmulh " x ", " x ", " multiplier "\n"                    \
    "addi " x ", " x ", -2\nadd " x ", " x ", " offset "\nsra " x ", " x ", " shift "\n"                      \
    "bge " x ", " low ", 4f\n3:\nmv " x ", " low "\n4:\nsb " x ", 0(" out ")\nadd " out ", " out ", " stride "\n"
#define OUTPUT(x) SCALE(x, "s10", "s11", "t6", "a4", "a5", "a6", "a7", "t2")

/* Outputs from a7 to ra, t2 apart; the argument is at sp. */
#define SLIDE(COLUMNS)                                                                                           \
    "addi sp, sp, -64\nsw ra, 4(sp)\nsw s0, 8(sp)\nsw s1, 12(sp)\nsw s2, 16(sp)\nsw s3, 20(sp)\n"                \
    "sw s4, 24(sp)\nsw s5, 28(sp)\nsw s6, 32(sp)\nsw s7, 36(sp)\nsw s8, 40(sp)\nsw s9, 44(sp)\n"                 \
    "sw s10, 48(sp)\nsw s11, 52(sp)\nsw a0, 0(sp)\nmv t0, a0\n"                                                  \
    "lw a1, 4(t0)\nlw a2, 8(t0)\nlw a3, 12(t0)\nlw a4, 36(t0)\nlw a5, 40(t0)\nlw a6, 44(t0)\n"                   \
    "lw a7, 28(t0)\nlw t2, 32(t0)\nlw ra, 52(t0)\nlw a0, 0(t0)\nadd ra, ra, a7\n"                                \
    "5:\nlw t0, 0(sp)\nlw t1, 20(t0)\nlw t3, 16(t0)\n"                                                           \
    "lw s9, 0(t1)\nlw s10, 4(t1)\nlw s11, 8(t1)\nlhu t6, 12(t1)\naddi t1, t1, 16\nsw t1, 20(t0)\n"               \
    "lb s0, 0(t3)\nlb s1, 4(t3)\nlb s2, 8(t3)\nlb s3, 12(t3)\nlb s4, 16(t3)\nlb s5, 20(t3)\n"                    \
    "lb s6, 24(t3)\nlb s7, 28(t3)\nlb s8, 32(t3)\n"                                                              \
    "addi t3, t3, 1\nandi t1, t3, 3\nbnez t1, 6f\naddi t3, t3, 32\n6:\nsw t3, 16(t0)\n" COLUMNS                  \
    "7:\nlw t0, 0(sp)\nlw t1, 48(t0)\nadd a0, a0, t1\nadd a1, a1, t1\nadd a2, a2, t1\nlw t1, 52(t0)\n"           \
    "mv ra, a7\nsub a7, a7, t1\naddi a7, a7, 1\naddi ra, ra, 1\nlw t1, 20(t0)\nlw t0, 24(t0)\nbltu t1, t0, 5b\n" \
    "lw ra, 4(sp)\nlw s0, 8(sp)\nlw s1, 12(sp)\nlw s2, 16(sp)\nlw s3, 20(sp)\nlw s4, 24(sp)\n"                   \
    "lw s5, 28(sp)\nlw s6, 32(sp)\nlw s7, 36(sp)\nlw s8, 40(sp)\nlw s9, 44(sp)\nlw s10, 48(sp)\n"                \
    "lw s11, 52(sp)\naddi sp, sp, 64\nret\n"

/* The last column of a row is the third of one window, and of no other. */
#define LAST(label, a) label ":\n" THIRD(a) OUTPUT(a) "j 7f\n"

__attribute__((naked)) void groat_scalar_slide_one(__attribute__((unused)) groat_scalar_slide *s)
{
    __asm__ volatile(SLIDE(
        "sub ra, ra, t2\n" FIRST("t3") SECOND_FIRST("t3", "t4") "1:\n" ALL("t3", "t4", "t5")
            OUTPUT("t3") "beq a7, ra, 8f\n" ALL("t4", "t5", "t3") OUTPUT("t4") "beq a7, ra, 9f\n" ALL("t5", "t3", "t4")
                OUTPUT("t5") "bne a7, ra, 1b\n" THIRD("t3") OUTPUT("t3") "j 7f\n" LAST("8", "t4") LAST("9", "t5")));
}

__attribute__((naked)) void groat_scalar_slide_two(__attribute__((unused)) groat_scalar_slide *s)
{
    __asm__ volatile(SLIDE(FIRST("t3") "1:\n" SECOND("t3") THIRD_FIRST("t3", "t4") OUTPUT(
        "t3") "beq a7, ra, 7f\n" SECOND("t4") THIRD_FIRST("t4", "t3") OUTPUT("t4") "bne a7, ra, 1b\n"));
}

/* The `i`th weight from t4 with the inputs of some pixels, all but the last of which are there already, and the last
 * at t3; they end at t5. */
#define WEIGHT(i, last) "lb t0, " i "(t4)\nlb " last ", 0(t3)\nadd t3, t3, a3\n"
#define PRODUCT(sum, x) "mul t1, " x ", t0\nadd " sum ", " sum ", t1\n"
#define FIVE(i, v0, v1, v2, v3, v4) \
    WEIGHT(i, v4) PRODUCT("s0", v0) PRODUCT("s1", v1) PRODUCT("s2", v2) PRODUCT("s3", v3) PRODUCT("s4", v4)
#define THREE(i, v0, v1, v2) WEIGHT(i, v2) PRODUCT("s0", v0) PRODUCT("s1", v1) PRODUCT("s2", v2)
#define LOAD(v) "lb " v ", 0(t3)\nadd t3, t3, a3\n"
#define DONE "beq t3, t5, 2f\n"
/* A row of taps, or every other one: `bytes` is the end of its inputs, i0 to i4 where the weights of taps lie. */
#define LINE_OF_FIVE(bytes, i0, i1, i2, i3, i4, i5)                                        \
    "add t5, t3, " bytes "\n" LOAD("s5") LOAD("s6") LOAD("s7")                             \
        LOAD("s8") "1:\n" FIVE(i0, "s5", "s6", "s7", "s8", "s9") DONE                      \
        FIVE(i1, "s6", "s7", "s8", "s9", "s5") DONE FIVE(i2, "s7", "s8", "s9", "s5", "s6") \
            DONE FIVE(i3, "s8", "s9", "s5", "s6", "s7")                                    \
                DONE FIVE(i4, "s9", "s5", "s6", "s7", "s8") "addi t4, t4, " i5 "\nbne t3, t5, 1b\n2:\n"
#define LINE_OF_THREE(bytes, i0, i1, i2, i3, i4, i5)                                               \
    "add t5, t3, " bytes "\n" LOAD("s5") LOAD("s6") "1:\n" THREE(i0, "s5", "s6", "s7") DONE THREE( \
        i1, "s6", "s7", "s5") DONE THREE(i2, "s7", "s5", "s6") "addi t4, t4, " i3 "\nbne t3, t5, 1b\n2:\n"
#define EVERY(LINE) LINE("a4", "0", "4", "8", "12", "16", "20")
#define EVERY_OTHER(LINE)                        \
    LINE("a4", "0", "8", "16", "24", "32", "40") \
    "lw t3, -4(a0)\nadd t3, t3, a2\nadd t3, t3, a6\naddi t4, t6, 4\n" LINE("a5", "0", "8", "16", "24", "32", "40")

#define WIDE_OUTPUT(x) SCALE(x, "t3", "t4", "t5", "t6", "t0", "t1", "t2", "ra")
#define WIDE(LINES, BEGIN, OUTPUTS)                                                                            \
    "addi sp, sp, -64\nsw ra, 4(sp)\nsw s0, 8(sp)\nsw s1, 12(sp)\nsw s2, 16(sp)\nsw s3, 20(sp)\n"              \
    "sw s4, 24(sp)\nsw s5, 28(sp)\nsw s6, 32(sp)\nsw s7, 36(sp)\nsw s8, 40(sp)\nsw s9, 44(sp)\n"               \
    "sw s10, 48(sp)\nsw s11, 52(sp)\nmv s11, a0\nlw s10, 0(s11)\nlw a1, 4(s11)\nlw a2, 8(s11)\n"               \
    "lw a3, 12(s11)\nlw a4, 16(s11)\nlw a5, 20(s11)\nlw a6, 24(s11)\nlw a7, 28(s11)\nlw ra, 52(s11)\n"         \
    "5:\nlw t6, 36(s11)\nlw t0, 40(s11)\nlw s0, 0(t0)\n" BEGIN "mv a0, s10\n"                                  \
    "6:\nlw t3, 0(a0)\naddi a0, a0, 4\nadd t3, t3, a2\nmv t4, t6\n" LINES "add t6, t6, a7\nbne a0, a1, 6b\n"   \
    "lw t0, 40(s11)\nlw t3, 4(t0)\nlw t4, 8(t0)\nlhu t5, 12(t0)\naddi t0, t0, 16\nsw t0, 40(s11)\n"            \
    "lw t2, 48(s11)\naddi t1, t2, 1\nsw t1, 48(s11)\nlw t6, 56(s11)\nlw t0, 60(s11)\nlw t1, 64(s11)\n" OUTPUTS \
    "lw t0, 36(s11)\naddi t0, t0, 1\nandi t1, t0, 3\nbnez t1, 7f\nlw t1, 32(s11)\nadd t0, t0, t1\n"            \
    "7:\nsw t0, 36(s11)\nlw t0, 40(s11)\nlw t1, 44(s11)\naddi a2, a2, 1\nbltu t0, t1, 5b\n"                    \
    "lw ra, 4(sp)\nlw s0, 8(sp)\nlw s1, 12(sp)\nlw s2, 16(sp)\nlw s3, 20(sp)\nlw s4, 24(sp)\n"                 \
    "lw s5, 28(sp)\nlw s6, 32(sp)\nlw s7, 36(sp)\nlw s8, 40(sp)\nlw s9, 44(sp)\nlw s10, 48(sp)\n"              \
    "lw s11, 52(sp)\naddi sp, sp, 64\nret\n"
#define WIDE_OF_FIVE(LINES)                                                   \
    WIDE(LINES(LINE_OF_FIVE), "mv s1, s0\nmv s2, s0\nmv s3, s0\nmv s4, s0\n", \
         WIDE_OUTPUT("s0") WIDE_OUTPUT("s1") WIDE_OUTPUT("s2") WIDE_OUTPUT("s3") WIDE_OUTPUT("s4"))
#define WIDE_OF_THREE(LINES) \
    WIDE(LINES(LINE_OF_THREE), "mv s1, s0\nmv s2, s0\n", WIDE_OUTPUT("s0") WIDE_OUTPUT("s1") WIDE_OUTPUT("s2"))

__attribute__((naked)) static void five_one(__attribute__((unused)) groat_scalar_wide *w)
{
    __asm__ volatile(WIDE_OF_FIVE(EVERY));
}

__attribute__((naked)) static void five_two(__attribute__((unused)) groat_scalar_wide *w)
{
    __asm__ volatile(WIDE_OF_FIVE(EVERY_OTHER));
}

__attribute__((naked)) static void three_one(__attribute__((unused)) groat_scalar_wide *w)
{
    __asm__ volatile(WIDE_OF_THREE(EVERY));
}

__attribute__((naked)) static void three_two(__attribute__((unused)) groat_scalar_wide *w)
{
    __asm__ volatile(WIDE_OF_THREE(EVERY_OTHER));
}

void groat_scalar_some_wide(groat_scalar_wide *w, uint32_t pixels, uint32_t stride)
{
    if (pixels == 3) {
        (stride == 1 ? three_one : three_two)(w);
    } else {
        (stride == 1 ? five_one : five_two)(w);
    }
}

#else
typedef int groat_scalar_no_riscv; /* an empty file is not C */
#endif
