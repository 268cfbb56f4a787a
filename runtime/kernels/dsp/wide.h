/* SPDX-License-Identifier: Apache-2.0
 *
 * Pieces of assembly that the kernels on widened weights share.
 */
#ifndef GROAT_DSP_WIDE_H
#define GROAT_DSP_WIDE_H

#include "dsp.h"

/* clang-format off */

#define SMLAD(acc, w, x) "smlad " acc ", " w ", " x ", " acc "\n"
#define SMUAD(acc, w, x) "smuad " acc ", " w ", " x "\n"

/* A quad of two pixels, two channels: every register but the stack's is in use. */
#define QUAD2(FIRST)                      \
    "ldmia.w r6!, {r4, r5, r8, r9}\n"     \
    "ldmia.w r7!, {r10, r11, r12, lr}\n"  \
    FIRST("r0", "r4", "r10")              \
    FIRST("r1", "r4", "r11")              \
    FIRST("r2", "r5", "r10")              \
    FIRST("r3", "r5", "r11")              \
    SMLAD("r0", "r8", "r12")              \
    SMLAD("r1", "r8", "lr")               \
    SMLAD("r2", "r9", "r12")              \
    SMLAD("r3", "r9", "lr")
#define QUAD2_BYTES "40"

/* t = 2 * (acc + bias), with 2 * acc as `fold` makes it of acc; y = round(t * multiplier / 2^32) + offset, to the left
 * if t was negative; shift; saturate. */
#define REQUANTIZE_OF(acc, fold, t)           \
    "add " t ", r8, " acc ", " fold "\n"      \
    "smmlar " acc ", " t ", r9, r10\n"        \
    "add " acc ", " acc ", " t ", asr #31\n"  \
    "asr " acc ", " acc ", r11\n"             \
    "ssat " acc ", #8, " acc "\n"

/* The short way: one multiplication of 256 times the sum with its bias. */
#define SHORT(acc)                            \
    "add " acc ", r8, " acc ", lsl #8\n"      \
    "smmla " acc ", " acc ", r9, r10\n"       \
    "ssat " acc ", #8, " acc ", asr #12\n"
#define REQUANTIZE(acc, t) REQUANTIZE_OF(acc, "lsl #1", t)

/* clang-format on */

#endif
