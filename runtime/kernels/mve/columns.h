/* SPDX-License-Identifier: Apache-2.0
 *
 * Columns of the image, each with its rows side by side: what a convolution of several rows reads.
 */
#ifndef GROAT_MVE_COLUMNS_H
#define GROAT_MVE_COLUMNS_H

#include <arm_mve.h>
#include <stdint.h>

enum {
    BLOCK = 16
};

/* How windows lie in the panel. */
typedef struct plan {
    uint32_t unit;          /* bytes of a column in one row */
    uint32_t unit_step;     /* from one column to the next in the image */
    uint32_t columns;       /* of a window */
    uint32_t column;        /* bytes of one */
    uint32_t of_pixel;      /* from one pixel to the next, in columns */
    uint32_t shared;        /* by neighbouring pixels */
    uint32_t held;          /* pixels at once, an even number */
} plan;

/* `count` units of `bytes` bytes. */
static inline void copy_units(const int8_t *from, uint32_t from_step, int8_t *to, uint32_t to_step, uint32_t bytes,
                              uint32_t count)
{
    for (; bytes > 0; from += BLOCK, to += BLOCK) {
        const mve_pred16_t lanes = vctp8q(bytes);
        const int8_t *source = from;
        int8_t *target = to;
        for (uint32_t i = 0; i < count; i++, source += from_step, target += to_step) {
            vstrbq_p_s8(target, vldrbq_z_s8(source, lanes), lanes);
        }
        bytes -= bytes < BLOCK ? bytes : BLOCK;
    }
}

#if defined(__ARM_FEATURE_MVE)

#define COPY_BLOCKS(from, blocks) COPY_##blocks(from)
#define COPY_1(from)                 \
    "vldrb.u8 q0, [" from "], #16\n" \
    "vstrb.8 q0, [%[to]], #16\n"
#define COPY_2(from)                 \
    "vldrb.u8 q0, [" from "], #16\n" \
    "vldrb.u8 q1, [" from "], #16\n" \
    "vstrb.8 q0, [%[to]], #16\n"     \
    "vstrb.8 q1, [%[to]], #16\n"
#define COPY_4(from) COPY_2(from) COPY_2(from)
#define THREE_ROWS(blocks)                                                                                            \
    static inline void three_rows_of_##blocks(const int8_t *const *rows, uint32_t offset, int8_t *to, uint32_t count) \
    {                                                                                                                 \
        const int8_t *a = rows[0] + offset, *b = rows[1] + offset, *c = rows[2] + offset;                             \
        __asm__ volatile("wls lr, %[count], 2f\n"                                                                     \
                         "1:\n" COPY_BLOCKS("%[a]", blocks) COPY_BLOCKS("%[b]", blocks)                               \
                             COPY_BLOCKS("%[c]", blocks) "le lr, 1b\n"                                                \
                                                         "2:\n"                                                       \
                         : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [to] "+r"(to)                                       \
                         : [count] "r"(count)                                                                         \
                         : "q0", "q1", "lr", "memory");                                                               \
    }

#else

#define THREE_ROWS(blocks)                                                                                            \
    static inline void three_rows_of_##blocks(const int8_t *const *rows, uint32_t offset, int8_t *to, uint32_t count) \
    {                                                                                                                 \
        for (uint32_t i = 0; i < 3 * (blocks) * count; i++, to += BLOCK) {                                            \
            uint32_t block = i / (3 * (blocks)) * (blocks) + i % (blocks);                                            \
            vstrbq_s8(to, vldrbq_s8(rows[i / (blocks) % 3] + offset + block * BLOCK));                                \
        }                                                                                                             \
    }

#endif

/* `count` columns of three rows, which touch in the image and are so many whole blocks wide. */
THREE_ROWS(1)
THREE_ROWS(2)
THREE_ROWS(4)

/* Where the bytes of a vector go if its units, `column` bytes apart, do not overlap: the quotient by `unit` is taken as a
 * product with 256 / unit, which is exact for numbers this small. */
static inline uint8x16_t offsets_of(uint32_t unit, uint32_t column)
{
    const uint8x16_t index = vidupq_n_u8(0, 1);
    const uint8x16_t units = unit > 1 ? vmulhq_u8(index, vdupq_n_u8((uint8_t)(UINT8_MAX / unit + 1))) : index;
    return vmlaq_n_u8(index, units, (uint8_t)(column - unit));
}

/* Units that touch and are smaller than a vector are loaded together, as many as are whole, and scattered.  The rest of a
 * vector goes where the next one will be. */
static inline void scatter_units(const int8_t *from, uint32_t bytes, int8_t *to, uint32_t unit, uint32_t column,
                                 uint8x16_t offsets)
{
    const uint32_t units = BLOCK / unit, at_once = units * unit;
    uint32_t whole = bytes >= BLOCK ? (bytes - BLOCK) / at_once + 1 : 0;
    bytes -= whole * at_once;
    for (; whole > 0; whole--, from += at_once, to += units * column) {
        vstrbq_scatter_offset_s8(to, offsets, vldrbq_s8(from));
    }
    const mve_pred16_t lanes = vctp8q(bytes);
    vstrbq_scatter_offset_p_s8(to, offsets, vldrbq_z_s8(from, lanes), lanes);
}

/* `count` columns that start `offset` bytes into the rows. */
static inline void fill_columns(const plan *c, const int8_t *const *rows, uint32_t row_count, uint32_t offset,
                                uint32_t count, int8_t *panel)
{
    const uint32_t unit = c->unit, touch = c->unit_step == unit;
    if (touch && row_count == 3 && unit == BLOCK) {
        three_rows_of_1(rows, offset, panel, count);
    } else if (touch && row_count == 3 && unit == 2 * BLOCK) {
        three_rows_of_2(rows, offset, panel, count);
    } else if (touch && row_count == 3 && unit == 4 * BLOCK) {
        three_rows_of_4(rows, offset, panel, count);
    } else if (touch && unit < BLOCK && (BLOCK - 1) / unit * c->column + unit <= UINT8_MAX) {
        const uint8x16_t offsets = offsets_of(unit, c->column);
        for (uint32_t r = 0; r < row_count; r++, panel += unit) {
            scatter_units(rows[r] + offset, count * unit, panel, unit, c->column, offsets);
        }
    } else {
        for (uint32_t r = 0; r < row_count; r++, panel += unit) {
            copy_units(rows[r] + offset, c->unit_step, panel, c->column, unit, count);
        }
    }
}

#endif
