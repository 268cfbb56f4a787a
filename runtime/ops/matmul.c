/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of matrices that are both computed, int8: a dense layer whose weights are the columns of the second, as they
 * lie or copied side by side.  Its kernel knows no zero point of weights; what that adds depends on the sum of a row of the
 * first matrix, so that each row is then a call of its own.
 */
#include "../kernels/requantize.h"
#include "../kernels/select.h"
#include "matrices.h"

enum {
    BLOCK_BYTES = 8192, /* of scratch, if that is enough for two columns */
    AXIS = GROAT_BATCH_AXES /* of rows, or of depth */
};

/* How many columns are a block, and where its scratch has what. */
typedef struct plan {
    groat_conv_s8 kernel;
    int copies_a; /* rows of the first matrix do not lie in one piece */
    int copies_b; /* nor columns of the second */
    uint32_t row; /* offset of a copied row */
    uint32_t columns; /* of copied columns */
    uint32_t channels; /* of their constants */
    uint64_t bytes;
} plan;

static uint64_t align_up(uint64_t bytes)
{
    return (bytes + GROAT_ALIGN - 1) / GROAT_ALIGN * GROAT_ALIGN;
}

static void lay_out(const groat_matrices *m, plan *c)
{
    groat_needs needs;
    groat_kernels.conv_plain_s8_needs(&c->kernel, &needs);
    uint64_t row = align_up(GROAT_POINTER_BYTES), columns = row + (c->copies_a ? align_up(m->depth) : 0);
    uint64_t channels = columns + (c->copies_b ? align_up((uint64_t)c->kernel.channels_out * m->depth) : 0);
    uint64_t kernel = channels + align_up((uint64_t)c->kernel.channels_out * sizeof(groat_channel));
    c->row = (uint32_t)row;
    c->columns = (uint32_t)columns;
    c->channels = (uint32_t)channels;
    c->bytes = kernel + needs.scratch_bytes;
}

static plan plan_of(const groat_matmul_params *p)
{
    const groat_matrices *m = &p->matrices;
    plan c = {
        .copies_a = m->a_strides[AXIS + 1] != 1 && m->depth > 1,
        .copies_b = (m->b_strides[AXIS] != 1 && m->depth > 1) || (m->b_strides[AXIS + 1] != m->depth && m->columns > 1),
    };
    c.kernel = (groat_conv_s8){
        .channels_out = m->columns,
        .rows = 1,
        .taps = 1,
        .run = m->depth,
        .tap = m->depth,
        .tap_stride = m->depth,
        .pixel_stride = m->a_strides[AXIS],
        .out_stride = m->columns,
        .out_row_stride = m->columns,
        .output_zero_point = p->output_zero_point,
        .act_min = INT8_MIN,
        .act_max = INT8_MAX,
    };
    for (lay_out(m, &c); c.bytes > BLOCK_BYTES && c.kernel.channels_out > 2; lay_out(m, &c)) {
        c.kernel.channels_out = (c.kernel.channels_out / 2u + 1u) & ~1u;
    }
    return c;
}

static int check(const groat_call *call)
{
    const groat_matmul_params *p = groat_params(call);
    GROAT_TRY(groat_check_matrices(call, &p->matrices, GROAT_INT8));
    GROAT_REQUIRE(p->multiplier >= 0 && p->shift >= -31 && p->shift <= 30);
    return GROAT_OK;
}

static uint32_t scratch_bytes(const void *params)
{
    const plan c = plan_of(params);
    return c.bytes < UINT32_MAX ? (uint32_t)c.bytes : UINT32_MAX;
}

static uint32_t sum_of(const int8_t *x, uint32_t count)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += (uint32_t)(int32_t)x[i];
    }
    return total;
}

/* The columns of a block side by side, and their constants. */
static const int8_t *gather(const groat_matmul_params *p, const plan *c, const int8_t *b, uint8_t *scratch)
{
    const groat_matrices *m = &p->matrices;
    groat_channel *channel = (void *)(scratch + c->channels);
    int8_t *copied = (int8_t *)scratch + c->columns;
    const int8_t *columns = c->copies_b ? copied : b;
    for (uint32_t o = 0; o < c->kernel.channels_out; o++, b += m->b_strides[AXIS + 1], channel++) {
        if (c->copies_b) {
            const int8_t *from = b;
            for (uint32_t k = 0; k < m->depth; k++, from += m->b_strides[AXIS]) {
                copied[o * m->depth + k] = *from;
            }
        }
        uint32_t sum = p->a_zero_point != 0 ? sum_of(columns + o * m->depth, m->depth) : 0;
        *channel = (groat_channel){(int32_t)(0u - (uint32_t)(int32_t)p->a_zero_point * sum), p->multiplier, p->shift};
    }
    return columns;
}

/* A block of columns of one product. */
static void run_block(const groat_matmul_params *p, plan *c, const int8_t *a, const int8_t *b, int8_t *out,
                      uint8_t *scratch)
{
    const groat_matrices *m = &p->matrices;
    groat_conv_s8 k = c->kernel;
    const int8_t **rows = (void *)scratch;
    int8_t *row = (int8_t *)scratch + c->row;
    k.weights = gather(p, c, b, scratch);
    k.channels = scratch + c->channels;
    k.scratch = scratch + c->channels + align_up(k.channels_out * sizeof(groat_channel));
    groat_kernels.conv_plain_s8_begin(&k);
    if (!c->copies_a && p->b_zero_point == 0) {
        rows[0] = a;
        groat_kernels.conv_plain_s8(&k, rows, out, m->rows);
        return;
    }
    for (uint32_t r = 0; r < m->rows; r++, a += m->a_strides[AXIS], out += m->columns) {
        rows[0] = a;
        if (c->copies_a) {
            const int8_t *from = a;
            for (uint32_t i = 0; i < m->depth; i++, from += m->a_strides[AXIS + 1]) {
                row[i] = *from;
            }
            rows[0] = row;
        }
        if (p->b_zero_point != 0) {
            uint32_t apart = sum_of(rows[0], m->depth) - m->depth * (uint32_t)(int32_t)p->a_zero_point;
            k.acc_offset = (int32_t)(0u - (uint32_t)(int32_t)p->b_zero_point * apart);
        }
        groat_kernels.conv_plain_s8(&k, rows, out, 1);
    }
}

static void run(const groat_call *call)
{
    const groat_matmul_params *p = groat_params(call);
    const groat_matrices *m = &p->matrices;
    const plan whole = plan_of(p);
    uint32_t index[GROAT_BATCH_AXES] = {0};
    int8_t *out = groat_out(call, 0);
    do {
        const int8_t *a = (const int8_t *)groat_in(call, 0) + groat_matrix_start(index, m->a_strides);
        const int8_t *b = (const int8_t *)groat_in(call, 1) + groat_matrix_start(index, m->b_strides);
        for (uint32_t first = 0; first < m->columns; first += whole.kernel.channels_out) {
            plan c = whole;
            if (m->columns - first < c.kernel.channels_out) {
                c.kernel.channels_out = m->columns - first;
            }
            run_block(p, &c, a, b + first * m->b_strides[AXIS + 1], out + first, groat_scratch(call));
        }
        out += m->rows * m->columns;
    } while (groat_next_matrices(m, index));
}

const groat_op groat_op_matmul = {check, scratch_bytes, run};
