/* SPDX-License-Identifier: Apache-2.0
 *
 * An image of another size, int8 or int16, whose pixels lie between four of the image's: weights are in 1024ths.
 */
#include "../core/op.h"

enum {
    ONE = 1 << 10
};

/* Each of a table's `count` places is one of `end`, with a weight of at most one. */
static int check_places(const groat_call *call, uint32_t offset, uint32_t count, uint32_t end)
{
    GROAT_TRY(groat_check_const(call, offset, (uint64_t)count * sizeof(groat_between)));
    const groat_between *places = groat_const(call, offset);
    for (uint32_t i = 0; i < count; i++) {
        GROAT_REQUIRE(places[i].index < end && places[i].weight <= ONE);
    }
    return GROAT_OK;
}

static int check(const groat_call *call)
{
    const groat_resize_bilinear_params *p = groat_params(call);
    GROAT_TRY(groat_check_counts(call, 1, 1));
    uint8_t dtype = groat_arg_tensor(call, 0)->dtype;
    if (dtype != GROAT_INT8 && dtype != GROAT_INT16) {
        return GROAT_E_DTYPE;
    }
    const uint32_t in[4] = {p->batches, p->in_h, p->in_w, p->channels};
    const uint32_t out[4] = {p->batches, p->out_h, p->out_w, p->channels};
    uint64_t read = groat_product(in, 4), written = groat_product(out, 4);
    GROAT_REQUIRE(read > 0 && written > 0);
    GROAT_TRY(groat_check_tensor(call, 0, dtype, read));
    GROAT_TRY(groat_check_tensor(call, 1, dtype, written));
    GROAT_TRY(check_places(call, p->rows, p->out_h, p->in_h));
    return check_places(call, p->columns, p->out_w, p->in_w);
}

/* Four neighbours: elements from the first to the others, and their weights, which are 2^20 in all. */
typedef struct corners {
    uint32_t right;
    uint32_t below;
    int32_t weights[4];
} corners;

static corners corners_of(const groat_resize_bilinear_params *p, const groat_between *y, const groat_between *x)
{
    const int32_t below = y->weight, above = ONE - below, right = x->weight, left = ONE - right;
    return (corners){
        .right = x->index + 1u < p->in_w ? p->channels : 0,
        .below = y->index + 1u < p->in_h ? p->in_w * p->channels : 0,
        .weights = {above * left, above * right, below * left, below * right},
    };
}

/* To the nearest integer, ties away from zero. */
static void pixel_s8(const corners *c, const int8_t *in, int8_t *out, uint32_t channels)
{
    const int8_t *a = in, *b = a + c->right, *d = a + c->below, *e = d + c->right;
    const int32_t *w = c->weights;
    for (uint32_t i = 0; i < channels; i++) {
        int32_t sum = a[i] * w[0] + b[i] * w[1] + d[i] * w[2] + e[i] * w[3];
        out[i] = (int8_t)((sum + (sum > 0 ? ONE * ONE / 2 : -ONE * ONE / 2)) / (ONE * ONE));
    }
}

static void pixel_s16(const corners *c, const int16_t *in, int16_t *out, uint32_t channels)
{
    const int16_t *a = in, *b = a + c->right, *d = a + c->below, *e = d + c->right;
    const int32_t *w = c->weights;
    for (uint32_t i = 0; i < channels; i++) {
        int64_t sum = (int64_t)a[i] * w[0] + (int64_t)b[i] * w[1] + (int64_t)d[i] * w[2] + (int64_t)e[i] * w[3];
        out[i] = (int16_t)((sum + (sum > 0 ? ONE * ONE / 2 : -ONE * ONE / 2)) / (ONE * ONE));
    }
}

static void run(const groat_call *call)
{
    const groat_resize_bilinear_params *p = groat_params(call);
    const groat_between *rows = groat_const(call, p->rows), *columns = groat_const(call, p->columns);
    const int wide = groat_arg_tensor(call, 0)->dtype == GROAT_INT16;
    const uint32_t pixel = p->channels << wide, image = p->in_h * p->in_w * pixel;
    const int8_t *in = groat_in(call, 0);
    int8_t *out = groat_out(call, 0);
    for (uint32_t n = 0; n < p->batches; n++, in += image) {
        for (uint32_t y = 0; y < p->out_h; y++) {
            for (uint32_t x = 0; x < p->out_w; x++, out += pixel) {
                const corners c = corners_of(p, rows + y, columns + x);
                const int8_t *from = in + (rows[y].index * p->in_w + columns[x].index) * pixel;
                if (wide) {
                    pixel_s16(&c, (const void *)from, (void *)out, p->channels);
                } else {
                    pixel_s8(&c, from, out, p->channels);
                }
            }
        }
    }
}

const groat_op groat_op_resize_bilinear = {check, NULL, run};
