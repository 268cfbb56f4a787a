/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution of 2 * WORDS pixels, two to a word: included once for each number of words, as `starts` below cannot
 * be shared by two copies of an inline function.
 */

#define PACK(i)                                                             \
    do {                                                                    \
        z[(i) * WORDS] = (uint32_t)x0[i] + ((uint32_t)x1[i] << 16);         \
        if (WORDS == 2) {                                                   \
            z[(i) * WORDS + 1] = (uint32_t)x2[i] + ((uint32_t)x3[i] << 16); \
        }                                                                   \
    } while (0)

/* Writes the inputs of 2 * WORDS pixels, tap by tap. */
static INLINE void FUNCTION(pack)(const groat_conv_s8 *k, const int8_t *const *rows, uint32_t start, uint32_t *z)
{
    uint32_t stride = k->pixel_stride;
    for (uint32_t r = 0; r < k->rows; r++) {
        const int8_t *tap = rows[r] + start;
        for (uint32_t t = 0; t < k->taps; t++, tap += k->tap_stride) {
            const int8_t *x0 = tap, *x1 = x0 + stride;
            const int8_t *x2 = WORDS == 2 ? x1 + stride : x0, *x3 = WORDS == 2 ? x2 + stride : x0;
            uint32_t i = k->run;
            for (; i >= 4; i -= 4, x0 += 4, x1 += 4, x2 += 4, x3 += 4, z += 4 * WORDS) {
                PACK(0);
                PACK(1);
                PACK(2);
                PACK(3);
            }
            for (; i > 0; i--, x0++, x1++, x2++, x3++, z += WORDS) {
                PACK(0);
            }
        }
    }
}

/* A product of each of the packed inputs with two weights; `i` counts back from the end of a chunk. */
#define PRODUCTS(i)                                          \
    do {                                                     \
        uint32_t u = z[-(int32_t)(WORDS * (i))];             \
        uint32_t w0 = (uint32_t)w[-(int32_t)LANES * (i)];    \
        uint32_t w1 = (uint32_t)w[1 - (int32_t)LANES * (i)]; \
        a0 += u * w0;                                        \
        b0 += u * w1;                                        \
        if (WORDS == 2) {                                    \
            uint32_t v = z[1 - (int32_t)(WORDS * (i))];      \
            a1 += v * w0;                                    \
            b1 += v * w1;                                    \
        }                                                    \
    } while (0)

/* Entries of 8 bytes, whatever the size of a pointer, so that a length in the packed form is an offset. */
#define STARTS(a, b, c, d)                          \
    {&&length_##a}, {&&length_##b}, {&&length_##c}, \
    {                                               \
        &&length_##d                                \
    }

/* All channels, two by two.  The upper halves add up in s, the whole words in t; what is left of t without the upper
 * halves is the sum of the lower halves.  A chunk of n products is a jump to the last n of 16. */
static void __attribute__((noinline)) FUNCTION(pixels)(const groat_conv_s8 *k, const int8_t *const *rows,
                                                       uint32_t start, int8_t *out)
{
    static const union {
        const void *label;
        uint64_t bytes;
    } starts[] = {{0}, STARTS(1, 2, 3, 4), STARTS(5, 6, 7, 8), STARTS(9, 10, 11, 12), STARTS(13, 14, 15, 16)};
    FUNCTION(pack)(k, rows, start, k->scratch);
    const uint32_t depth = (uint32_t)depth_of(k);
    const uint32_t *z = k->scratch, *end = z + depth * WORDS;
    const groat_scalar_channel *c = k->channels;
    const int8_t *w = k->weights;
    const uint8_t *lengths = (const uint8_t *)w + block_bytes(k);
    uint32_t left = k->channels_out;

next_pair:
    if (k->acc_offset == 0 && groat_scalar_constant(&c[0]) && (left == 1 || groat_scalar_constant(&c[1]))) {
        for (uint32_t rest = 8 * depth; rest > 0; rest -= *lengths++) {
        }
        for (uint32_t p = 0; p < 2 * WORDS; p++) {
            int8_t *y = out + p * k->out_stride;
            y[0] = (int8_t)c[0].offset;
            if (left > 1) {
                y[1] = (int8_t)c[1].offset;
            }
        }
        w += depth * LANES;
        goto pair_done;
    }
    const uint8_t *first = lengths;
    uint32_t sa0 = (uint32_t)c[0].bias, sa1 = sa0, sb0 = (uint32_t)c[1].bias, sb1 = sb0;
    uint32_t ta0 = sa0 + (sa0 << 16), ta1 = ta0, tb0 = sb0 + (sb0 << 16), tb1 = tb0;
    uint32_t a0, a1, b0, b1;

next_chunk:
    a0 = a1 = b0 = b1 = HALF;
    PRODUCTS(0);
    {
        uint32_t length8 = *lengths++;
        w += length8;
        z = (const uint32_t *)(const void *)((const uint8_t *)z + length8 / 2 * WORDS);
        goto **(void *const *)(const void *)((const uint8_t *)starts + length8);
    }
length_16:
    PRODUCTS(15);
length_15:
    PRODUCTS(14);
length_14:
    PRODUCTS(13);
length_13:
    PRODUCTS(12);
length_12:
    PRODUCTS(11);
length_11:
    PRODUCTS(10);
length_10:
    PRODUCTS(9);
length_9:
    PRODUCTS(8);
length_8:
    PRODUCTS(7);
length_7:
    PRODUCTS(6);
length_6:
    PRODUCTS(5);
length_5:
    PRODUCTS(4);
length_4:
    PRODUCTS(3);
length_3:
    PRODUCTS(2);
length_2:
    PRODUCTS(1);
length_1:
    ta0 += a0;
    tb0 += b0;
    sa0 += (uint32_t)((int32_t)a0 >> 16);
    sb0 += (uint32_t)((int32_t)b0 >> 16);
    if (WORDS == 2) {
        ta1 += a1;
        tb1 += b1;
        sa1 += (uint32_t)((int32_t)a1 >> 16);
        sb1 += (uint32_t)((int32_t)b1 >> 16);
    }
    if (z != end) {
        goto next_chunk;
    }

    uint32_t halves = (uint32_t)(lengths - first) * HALF;
    ta0 -= (sa0 << 16) + halves;
    ta1 -= (sa1 << 16) + halves;
    tb0 -= (sb0 << 16) + halves;
    tb1 -= (sb1 << 16) + halves;
    z = end - depth * WORDS;
    if (!groat_scalar_proven(&c[0]) || !groat_scalar_proven(&c[1]) || left == 1 || k->acc_offset != 0) {
        uint32_t sums[2][4] = {{ta0, sa0, ta1, sa1}, {tb0, sb0, tb1, sb1}};
        finish(k, &c[0], sums[0], 2 * WORDS, out);
        if (left == 1) {
            return;
        }
        finish(k, &c[1], sums[1], 2 * WORDS, out + 1);
    } else {
        const scaling of_a = scaling_of(&c[0]), of_b = scaling_of(&c[1]);
        const int32_t low = k->act_min, high = k->act_max;
        const uint32_t stride = k->out_stride;
        out[0] = rescale(ta0, of_a, low, high);
        out[1] = rescale(tb0, of_b, low, high);
        out += stride;
        out[0] = rescale(sa0, of_a, low, high);
        out[1] = rescale(sb0, of_b, low, high);
        if (WORDS == 2) {
            out += stride;
            out[0] = rescale(ta1, of_a, low, high);
            out[1] = rescale(tb1, of_b, low, high);
            out += stride;
            out[0] = rescale(sa1, of_a, low, high);
            out[1] = rescale(sb1, of_b, low, high);
        }
        out -= (2 * WORDS - 1) * stride;
    }
pair_done:
    /* Two columns on, or to the next block of eight. */
    w -= ((k->channels_out - left) & (LANES - 2)) == LANES - 2 ? LANES - 2 : depth * LANES - 2;
    out += 2;
    c += 2;
    left -= 2;
    if ((int32_t)left > 0) {
        goto next_pair;
    }
}

#undef PACK
#undef PRODUCTS
#undef STARTS
