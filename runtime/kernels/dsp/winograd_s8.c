/* SPDX-License-Identifier: Apache-2.0
 *
 * Winograd's minimal filtering in whole numbers.
 *
 * F(4x4, 3x3): 36 products for 16 outputs, where the direct way takes 144.
 *
 * With d a tile of 6x6 inputs and g a filter, y = A' [(G g G') * (B' d B)] A, * place by place, over points 0, 1, -1, 2,
 * -2 and infinity.  The textbook's G and A have denominators.  Here they are taken out: U = G g G' with
 *
 *     G = [6 0 0; 1 1 1; 1 -1 1; 1 2 4; 1 -2 4; 0 0 6]        (|U| <= 6,223, done by the packer)
 *     B' = [4 0 -5 0 1 0; 0 -4 -4 1 1 0; 0 4 -4 -1 1 0; 0 -2 -1 2 1 0; 0 2 -1 -2 1 0; 0 4 0 -5 0 1]
 *     A' = [1 -4 -4 1 1 0; 0 -2 2 1 -1 0; 0 -1 -1 1 1 0; 0 -1 1 2 -2 1]
 *
 * give row i and column j of the outputs times 9 * 2^(s[i] + s[j]), s = 3, 2, 1, 1.  Modulo 2^32 a division by 9 is a
 * multiplication with its inverse, so sums may overflow on the way: the result is exact if the output itself, times that
 * power of two, fits 32 bits.  The packer has proven |output| < 2^25 for every input.
 *
 * Inputs are transformed in pairs: a word holds low + 2^16 * high, which adds, subtracts and shifts like one number.
 * (low + 128) is not negative at first, which a word needs to come from two halfwords; that adds 128 to every input, and
 * the packer takes its effect out of the bias.  At the end a borrow from the high half is given back.
 *
 * F(2x2, 3x3): 16 products for 4 outputs in place of 36, for less than half the flash.  Over points 0, 1, -1 and infinity,
 *
 *     G = [2 0 0; 1 1 1; 1 -1 1; 0 0 2]                        (|U| <= 1,152)
 *     B' = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1]             (|V| <= 512)
 *     A' = [1 1 1 0; 0 1 -1 -1]
 *
 * give every output times 4: exact if |output| < 2^29.  Nothing shifts here, so pairs of inputs are added and subtracted
 * as two halfwords each, and keep their values.
 */
#include "dsp.h"

typedef void inputs_kernel(const int8_t *const *rows, uint32_t at, uint32_t pixel_stride, int32_t *to, uint32_t quads);
typedef void outputs_kernel(const dsp_tiles *tiles);

/* A strip of `side` rows, two tiles of side x side outputs at a time; inlined for both sides. */
static inline void strip(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels, uint32_t side,
                         uint32_t places, inputs_kernel *inputs_of, outputs_kernel *outputs_of)
{
    uint32_t quads = k->pixel_stride / 4u;
    int32_t *inputs = k->scratch;
    int32_t *sums = inputs + quads * places * 4u;
    dsp_tiles tiles = {
        .inputs = inputs,
        .sums = sums,
        .sums_end = sums + places * 4u,
        .quads = quads,
        .out_stride = k->out_stride,
        .out_row_stride = k->out_row_stride,
    };
    uint32_t last = pixels - side; /* where the last tile may start; it may reach back over the one before */
    for (uint32_t x = 0; x < pixels; x += 2u * side) {
        uint32_t a = x < last ? x : last;
        uint32_t b = x + side < last ? x + side : last;
        inputs_of(rows, a * k->pixel_stride, k->pixel_stride, inputs, quads);
        inputs_of(rows, b * k->pixel_stride, k->pixel_stride, inputs + 1, quads);
        int8_t *to_a = out + a * k->out_stride;
        int8_t *to_b = out + b * k->out_stride;
        tiles.weights = k->weights;
        tiles.channels = k->channels;
        for (const int8_t *end = to_a + k->channels_out; to_a < end; to_a += 2, to_b += 2) {
            tiles.out[0] = to_a;
            tiles.out[1] = to_b;
            groat_dsp_winograd_products(&tiles);
            outputs_of(&tiles);
            tiles.weights += quads * places * 4u;
            tiles.channels += 2;
        }
    }
}

void groat_dsp_winograd4(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    strip(k, rows, out, pixels, 4, DSP_WINOGRAD4_PLACES, groat_dsp_winograd4_inputs, groat_dsp_winograd4_outputs);
}

void groat_dsp_winograd2(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    strip(k, rows, out, pixels, 2, DSP_WINOGRAD2_PLACES, groat_dsp_winograd2_inputs, groat_dsp_winograd2_outputs);
}
