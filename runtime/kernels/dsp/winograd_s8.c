/* SPDX-License-Identifier: Apache-2.0
 *
 * Winograd's minimal filtering F(4x4, 3x3) in whole numbers: 36 products for 16 outputs, where the direct way takes 144.
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
 */
#include "dsp.h"

void groat_dsp_winograd4(const groat_conv_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels)
{
    uint32_t quads = k->pixel_stride / 4u;
    int32_t *inputs = k->scratch;
    dsp_tiles tiles = {
        .inputs = inputs,
        .sums = inputs + quads * DSP_WINOGRAD4_PLACES * 4u,
        .quads = quads,
        .out_stride = k->out_stride,
        .out_row_stride = k->out_row_stride,
    };
    uint32_t last = pixels - 4u; /* where the last tile may start; it may reach back over the one before */
    for (uint32_t x = 0; x < pixels; x += 8u) {
        uint32_t a = x < last ? x : last;
        uint32_t b = x + 4u < last ? x + 4u : last;
        groat_dsp_winograd4_inputs(rows, a * k->pixel_stride, k->pixel_stride, inputs, quads);
        groat_dsp_winograd4_inputs(rows, b * k->pixel_stride, k->pixel_stride, inputs + 1, quads);
        tiles.weights = k->weights;
        tiles.channels = k->channels;
        for (uint32_t o = 0; o < k->channels_out; o += 2u) {
            tiles.out[0] = out + a * k->out_stride + o;
            tiles.out[1] = out + b * k->out_stride + o;
            groat_dsp_winograd4_products(&tiles);
            groat_dsp_winograd4_outputs(&tiles);
            tiles.weights += quads * DSP_WINOGRAD4_PLACES * 4u;
            tiles.channels += 2;
        }
    }
}
