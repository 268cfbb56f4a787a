/* SPDX-License-Identifier: Apache-2.0
 *
 * An image of another size, each of whose pixels is one of the image's.
 */
#include "../core/op.h"

/* Each of a table's `count` indices is less than `end`. */
static int check_indices(const groat_call *call, uint32_t offset, uint32_t count, uint32_t end)
{
    GROAT_TRY(groat_check_const(call, offset, (uint64_t)count * sizeof(uint16_t)));
    const uint16_t *indices = groat_const(call, offset);
    for (uint32_t i = 0; i < count; i++) {
        GROAT_REQUIRE(indices[i] < end);
    }
    return GROAT_OK;
}

static int check(const groat_call *call)
{
    const groat_resize_nearest_neighbor_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    uint8_t dtype = groat_arg_tensor(call, 0)->dtype;
    uint32_t bytes = groat_dtype_bytes(dtype);
    GROAT_REQUIRE(p->pixel_bytes > 0 && p->pixel_bytes % bytes == 0);
    const uint32_t channels = p->pixel_bytes / bytes;
    const uint32_t in[4] = {p->batches, p->in_h, p->in_w, channels},
                   out[4] = {p->batches, p->out_h, p->out_w, channels};
    uint64_t read = groat_product(in, 4), written = groat_product(out, 4);
    GROAT_REQUIRE(read > 0 && written > 0);
    GROAT_TRY(groat_check_tensor(call, 0, dtype, read));
    GROAT_TRY(groat_check_tensor(call, 1, dtype, written));
    GROAT_TRY(check_indices(call, p->rows, p->out_h, p->in_h));
    return check_indices(call, p->columns, p->out_w, p->in_w);
}

static void run(const groat_call *call)
{
    const groat_resize_nearest_neighbor_params *p = groat_params(call);
    const uint16_t *rows = groat_const(call, p->rows), *columns = groat_const(call, p->columns);
    const uint32_t in_bytes = p->in_w * p->pixel_bytes, out_bytes = p->out_w * p->pixel_bytes;
    const uint8_t *in = groat_in(call, 0);
    uint8_t *out = groat_out(call, 0);
    for (uint32_t n = 0; n < p->batches; n++, in += p->in_h * in_bytes) {
        for (uint32_t y = 0; y < p->out_h; y++, out += out_bytes) {
            if (y > 0 && rows[y] == rows[y - 1]) {
                memcpy(out, out - out_bytes, out_bytes);
                continue;
            }
            const uint8_t *row = in + rows[y] * in_bytes;
            for (uint32_t x = 0; x < p->out_w; x++) {
                memcpy(out + x * p->pixel_bytes, row + columns[x] * p->pixel_bytes, p->pixel_bytes);
            }
        }
    }
}

const groat_op groat_op_resize_nearest_neighbor = {check, NULL, run};
