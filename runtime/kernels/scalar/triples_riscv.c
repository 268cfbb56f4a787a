/* SPDX-License-Identifier: Apache-2.0
 *
 * The inner loops of convolution for RISC-V without vectors, in assembly: compilers spill here, for all registers are
 * in use.  Sums are in s0 to s11 and t3 to t6, two or four for each of four channels.
 */
#include "triples.h"

#if GROAT_SCALAR_RISCV

/* Packed inputs a4 to a7 at a0, weights at a1. */
#define PRODUCT(sum, word) "mul t1, " word ", t0\nadd " sum ", " sum ", t1\n"
#define LAST_PRODUCT(sum, word) "mul t0, " word ", t0\nadd " sum ", " sum ", t0\n"
#define WEIGHT(i) "lb t0, " i "(a1)\n"
#define SIX(w, a, b, c, d) WEIGHT(w) PRODUCT(a, "a4") PRODUCT(b, "a5") PRODUCT(c, "a6") LAST_PRODUCT(d, "a7")
#define THREE(w, a, b) WEIGHT(w) PRODUCT(a, "a4") LAST_PRODUCT(b, "a5")
#define TAP_OF_SIX(z0, z1, z2, z3, w0, w1, w2, w3)                                                                 \
    "lw a4, " z0 "(a0)\nlw a5, " z1 "(a0)\nlw a6, " z2 "(a0)\nlw a7, " z3 "(a0)\n" SIX(w0, "s0", "s1", "s2", "s3") \
        SIX(w1, "s4", "s5", "s6", "s7") SIX(w2, "s8", "s9", "s10", "s11") SIX(w3, "t3", "t4", "t5", "t6")
#define TAP_OF_THREE(z0, z1, w0, w1, w2, w3)                                                                   \
    "lw a4, " z0 "(a0)\nlw a5, " z1 "(a0)\n" THREE(w0, "s0", "s1") THREE(w1, "s4", "s5") THREE(w2, "s8", "s9") \
        THREE(w3, "t3", "t4")
/* Four products at a time, up to a2; then one by one, up to a3. */
#define LOOPS(fours, one, four_words, words)                                                          \
    "beq a0, a2, 2f\n1:\n" fours "addi a0, a0, " four_words "\naddi a1, a1, 32\nbne a0, a2, 1b\n2:\n" \
    "beq a0, a3, 4f\n3:\n" one "addi a0, a0, " words "\naddi a1, a1, 8\nbne a0, a3, 3b\n4:\n"
#define LOOPS_OF_SIX                                                                                                   \
    LOOPS(TAP_OF_SIX("0", "4", "8", "12", "0", "1", "2", "3") TAP_OF_SIX("16", "20", "24", "28", "8", "9", "10", "11") \
              TAP_OF_SIX("32", "36", "40", "44", "16", "17", "18", "19")                                               \
                  TAP_OF_SIX("48", "52", "56", "60", "24", "25", "26", "27"),                                          \
          TAP_OF_SIX("0", "4", "8", "12", "0", "1", "2", "3"), "64", "16")
#define LOOPS_OF_THREE                                                                                           \
    LOOPS(TAP_OF_THREE("0", "4", "0", "1", "2", "3") TAP_OF_THREE("8", "12", "8", "9", "10", "11")               \
              TAP_OF_THREE("16", "20", "16", "17", "18", "19") TAP_OF_THREE("24", "28", "24", "25", "26", "27"), \
          TAP_OF_THREE("0", "4", "0", "1", "2", "3"), "32", "8")

/* Sums begin with the bias in each of three fields. */
#define BEGIN_THREE(offset, a, b) \
    "lw t1, " offset "(ra)\nslli " a ", t1, 21\nslli " b ", t1, 10\nadd " a ", " a ", t1\nadd " b ", " b ", t1\n"
#define BEGIN_SIX(offset, a, b, c, d) BEGIN_THREE(offset, a, b) "mv " c ", " a "\nmv " d ", " b "\n"
#define TWO(what, i, a, j, b) what " " a ", " i "(t1)\n" what " " b ", " j "(t1)\n"
#define KEPT_OF_SIX(what)             \
    TWO(what, "0", "s0", "4", "s1")   \
    TWO(what, "8", "s2", "12", "s3")  \
    TWO(what, "16", "s4", "20", "s5") \
    TWO(what, "24", "s6", "28", "s7") \
    TWO(what, "32", "s8", "36", "s9") \
    TWO(what, "40", "s10", "44", "s11") TWO(what, "48", "t3", "52", "t4") TWO(what, "56", "t5", "60", "t6")
#define KEPT_OF_THREE(what)         \
    TWO(what, "0", "s0", "4", "s1") \
    TWO(what, "8", "s4", "12", "s5") TWO(what, "16", "s8", "20", "s9") TWO(what, "24", "t3", "28", "t4")

/* A sum, with 11 zeros behind it, becomes an output: multiplier a0, offset a1, shift a2, bounds a3 and a4; a5: what is
 * negative becomes the lower one. */
#define OUTPUT(x)                                                                                            \
    "bltz " x ", 2f\nmulh " x ", " x ", a0\nadd " x ", " x ", a1\nsra " x ", " x ", a2\nbge a4, " x ", 4f\n" \
    "mv " x ", a4\nj 4f\n2:\nbnez a5, 3f\nmulh " x ", " x ", a0\naddi " x ", " x ", -1024\n"                 \
    "add " x ", " x ", a1\nsra " x ", " x ", a2\nbge " x ", a3, 4f\n3:\nmv " x ", a3\n4:\n"                  \
    "sb " x ", 0(a7)\nadd a7, a7, a6\n"
/* t0: the half of a field, t2: all but the lower one.  The sums of the first two pixels are in the lower fields, the
 * third one's lower 11 bits in the first upper field, and its upper ones in the second. */
#define OUTPUTS(a, b)                                                                                             \
    "add t1, " a ", t0\nsrli t1, t1, 21\nslli t1, t1, 10\nsub " b ", " b ", t1\nslli " a ", " a                   \
    ", 11\n" OUTPUT(a) "add " a ", " b ", t0\nand " a ", " a ", t2\nadd " a ", " a ", t1\nslli " a ", " a ", 1\n" \
                       "slli " b ", " b ", 11\n" OUTPUT(b) OUTPUT(a)
#define CHANNEL(multiplier, offset, shift, position)                                                      \
    "lw a0, " multiplier "(ra)\nlw a1, " offset "(ra)\nlhu a2, " shift "(ra)\nlhu a7, " position "(ra)\n" \
    "lw t1, 4(sp)\nslli a1, a1, 9\naddi a2, a2, 9\nadd a7, a7, t1\n"

/* The frame: the argument, and out. */
#define QUADS(BEGIN, LOOPS, KEPT, FINISH, kept_bytes)                                                                 \
    "addi sp, sp, -64\nsw ra, 8(sp)\nsw s0, 12(sp)\nsw s1, 16(sp)\nsw s2, 20(sp)\nsw s3, 24(sp)\n"                    \
    "sw s4, 28(sp)\nsw s5, 32(sp)\nsw s6, 36(sp)\nsw s7, 40(sp)\nsw s8, 44(sp)\nsw s9, 48(sp)\n"                      \
    "sw s10, 52(sp)\nsw s11, 56(sp)\nlw t1, 60(a0)\nsw a0, 0(sp)\nsw t1, 4(sp)\nmv t2, a0\nlw ra, 24(a0)\n"           \
    "5:\nlw a0, 0(t2)\nlw a1, 12(t2)\nlw a2, 4(t2)\nlw a3, 8(t2)\n"                                                   \
    "lw t0, 16(t2)\nlw t1, 20(t2)\nadd a4, a1, t0\nsub t1, t1, t0\nsw a4, 12(t2)\nsw t1, 16(t2)\n"                    \
    "lw t0, 36(t2)\nbnez t0, 6f\nlw t1, 32(t2)\n" KEPT(                                                               \
        "lw") "j 7f\n6:\n" BEGIN "7:\n" LOOPS                                                                         \
              "lw t0, 40(t2)\nbeqz t0, 6f\nlw t1, 32(t2)\n" KEPT(                                                     \
                  "sw") "j 7f\n6:\n"                                                                                  \
                        "lw a3, 44(t2)\nlw a4, 48(t2)\nlw a5, 52(t2)\nlw a6, 56(t2)\nlui t0, 0x100\nlui t2, "         \
                        "0xffe00\n" FINISH                                                                            \
                        "lw t2, 0(sp)\n7:\nlw t1, 32(t2)\nlw t0, 28(t2)\naddi ra, ra, 64\naddi t1, t1, " kept_bytes   \
                        "\n"                                                                                          \
                        "sw t1, 32(t2)\nbltu ra, t0, 5b\n"                                                            \
                        "lw ra, 8(sp)\nlw s0, 12(sp)\nlw s1, 16(sp)\nlw s2, 20(sp)\nlw s3, 24(sp)\nlw s4, 28(sp)\n"   \
                        "lw s5, 32(sp)\nlw s6, 36(sp)\nlw s7, 40(sp)\nlw s8, 44(sp)\nlw s9, 48(sp)\nlw s10, 52(sp)\n" \
                        "lw s11, 56(sp)\naddi sp, sp, 64\nret\n"

__attribute__((naked)) void groat_scalar_quads_of_six(__attribute__((unused)) groat_scalar_quads *q)
{
    __asm__ volatile(QUADS(BEGIN_SIX("0", "s0", "s1", "s2", "s3") BEGIN_SIX("16", "s4", "s5", "s6", "s7")
                               BEGIN_SIX("32", "s8", "s9", "s10", "s11") BEGIN_SIX("48", "t3", "t4", "t5", "t6"),
                           LOOPS_OF_SIX, KEPT_OF_SIX,
                           CHANNEL("4", "8", "12", "14") OUTPUTS("s0", "s1") OUTPUTS("s2", "s3")
                               CHANNEL("20", "24", "28", "30") OUTPUTS("s4", "s5") OUTPUTS("s6", "s7")
                                   CHANNEL("36", "40", "44", "46") OUTPUTS("s8", "s9") OUTPUTS("s10", "s11")
                                       CHANNEL("52", "56", "60", "62") OUTPUTS("t3", "t4") OUTPUTS("t5", "t6"),
                           "64"));
}

__attribute__((naked)) void groat_scalar_quads_of_three(__attribute__((unused)) groat_scalar_quads *q)
{
    __asm__ volatile(QUADS(BEGIN_THREE("0", "s0", "s1") BEGIN_THREE("16", "s4", "s5") BEGIN_THREE("32", "s8", "s9")
                               BEGIN_THREE("48", "t3", "t4"),
                           LOOPS_OF_THREE, KEPT_OF_THREE,
                           CHANNEL("4", "8", "12", "14") OUTPUTS("s0", "s1") CHANNEL("20", "24", "28", "30")
                               OUTPUTS("s4", "s5") CHANNEL("36", "40", "44", "46") OUTPUTS("s8", "s9")
                                   CHANNEL("52", "56", "60", "62") OUTPUTS("t3", "t4"),
                           "32"));
}

/* A product of the input a6 with a weight; a whole tap of two blocks of channels. */
#define ONE(sum, at, w) "lb t0, " at "(" w ")\nmul t0, t0, a6\nadd " sum ", " sum ", t0\n"
#define TAP(x, w0, w1, w2, w3, w4, w5, w6, w7)                                                                    \
    "lb a6, " x "(a0)\n" ONE("s0", w0, "a2") ONE("s1", w1, "a2") ONE("s2", w2, "a2") ONE("s3", w3, "a2")          \
        ONE("s4", w4, "a2") ONE("s5", w5, "a2") ONE("s6", w6, "a2") ONE("s7", w7, "a2") ONE("s8", w0, "a3")       \
            ONE("s9", w1, "a3") ONE("s10", w2, "a3") ONE("s11", w3, "a3") ONE("t3", w4, "a3") ONE("t4", w5, "a3") \
                ONE("t5", w6, "a3") ONE("t6", w7, "a3")

__attribute__((naked)) void groat_scalar_run(__attribute__((unused)) const int8_t *x,
                                             __attribute__((unused)) const int8_t *end,
                                             __attribute__((unused)) const int8_t *w,
                                             __attribute__((unused)) const int8_t *next_w,
                                             __attribute__((unused)) uint32_t *sums)
{
    __asm__ volatile(
        "addi sp, sp, -48\nsw s0, 0(sp)\nsw s1, 4(sp)\nsw s2, 8(sp)\nsw s3, 12(sp)\nsw s4, 16(sp)\nsw s5, 20(sp)\n"
        "sw s6, 24(sp)\nsw s7, 28(sp)\nsw s8, 32(sp)\nsw s9, 36(sp)\nsw s10, 40(sp)\nsw s11, 44(sp)\nmv t1, "
        "a4\n" KEPT_OF_SIX("lw") "sub a5, a1, a0\nandi a5, a5, -4\nadd a5, a5, a0\nbeq a0, a5, 2f\n1:\n" TAP(
            "0", "0", "1", "2", "3", "4", "5", "6", "7") TAP("1", "8", "9", "10", "11", "12", "13", "14", "15")
            TAP("2", "16", "17", "18", "19", "20", "21", "22", "23")
                TAP("3", "24", "25", "26", "27", "28", "29", "30",
                    "31") "addi a0, a0, 4\naddi a2, a2, 32\naddi a3, a3, 32\nbne a0, a5, 1b\n2:\nbeq a0, a1, "
                          "4f\n3:\n" TAP("0", "0", "1", "2", "3", "4", "5", "6",
                                         "7") "addi a0, a0, 1\naddi a2, a2, 8\naddi a3, a3, 8\nbne a0, a1, "
                                              "3b\n4:\n" KEPT_OF_SIX("sw") "lw s0, 0(sp)\nlw s1, 4(sp)\nlw s2, "
                                                                           "8(sp)\nlw s3, 12(sp)\nlw s4, 16(sp)\nlw "
                                                                           "s5, 20(sp)\nlw s6, 24(sp)\n"
                                                                           "lw s7, 28(sp)\nlw s8, 32(sp)\nlw s9, "
                                                                           "36(sp)\nlw s10, 40(sp)\nlw s11, "
                                                                           "44(sp)\naddi sp, sp, 48\nret\n");
}

#else
typedef int groat_scalar_no_assembly; /* an empty file is not C */
#endif
