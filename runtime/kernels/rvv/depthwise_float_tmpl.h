/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of floats: output channels in the lanes.  With a depth multiplier, those of one input channel,
 * whose inputs are scalars.
 */

int NEEDS(depthwise)(const groat_depthwise_float *k, groat_needs *needs)
{
    uint64_t channels_out = (uint64_t)k->channels_in * k->multiplier;
    needs->weights_bytes = (uint64_t)k->rows * k->taps * channels_out * sizeof(ELEMENT);
    needs->channels_bytes = channels_out * sizeof(float);
    needs->scratch_bytes = 0;
    return k->layout == 0;
}

static inline uint32_t lanes_of(uint32_t left)
{
    return left < GROAT_RVV_FLOAT_LANES ? left : GROAT_RVV_FLOAT_LANES;
}

/* Neighbouring channels of up to two pixels, each with an input of its own: both pixels take the same weights. */
static void channel_by_channel(const groat_depthwise_float *k, const int8_t *const *rows, uint32_t pixel,
                               uint32_t first, size_t vl, uint32_t pixels, ELEMENT *out)
{
    const uint32_t height = k->rows;
    const uint32_t width = k->taps;
    const uint32_t step = k->tap_stride;
    const uint32_t channels = k->channels_in;
    const uint32_t other = pixels > 1 ? k->pixel_stride : 0;
    const uint32_t start = pixel * k->pixel_stride + first;
    const ELEMENT *w = (const ELEMENT *)k->weights + first;
    vfloat32m8_t a = rvv_zeros(vl);
    vfloat32m8_t b = a;
    for (uint32_t r = 0; r < height; r++) {
        const ELEMENT *x = (const ELEMENT *)(const void *)rows[r] + start;
        const ELEMENT *y = x + other;
#ifdef __riscv
        /* Compilers would move the sums to and fro: four times eight registers are all there are. */
        VECTOR weights, input;
        uint32_t left = width;
        __asm__ volatile("vsetvli zero, %[vl], " ASM_TYPE ", ta, ma\n"
                         "1:\n\t" ASM_LOAD " %[weights], (%[w])\n\t" ASM_LOAD " %[input], (%[x])\n\t" ASM_ADD_VECTORS
                         " %[a], %[input], %[weights]\n\t" ASM_LOAD " %[input], (%[y])\n\t" ASM_ADD_VECTORS
                         " %[b], %[input], %[weights]\n\t"
                         "add %[w], %[w], %[channels]\n\t"
                         "add %[x], %[x], %[step]\n\t"
                         "add %[y], %[y], %[step]\n\t"
                         "addi %[left], %[left], -1\n\t"
                         "bnez %[left], 1b"
                         : [a] "+vr"(a), [b] "+vr"(b), [weights] "=&vr"(weights), [input] "=&vr"(input), [x] "+r"(x),
                           [y] "+r"(y), [w] "+r"(w), [left] "+r"(left)
                         : [vl] "r"(vl), [channels] "r"(channels * sizeof(ELEMENT)), [step] "r"(step * sizeof(ELEMENT))
                         : "memory", "vl", "vtype");
#else
        for (uint32_t t = 0; t < width; t++, x += step, y += step, w += channels) {
            VECTOR weights = LOAD(w, vl);
            a = ADD_PRODUCTS(a, LOAD(x, vl), weights, vl);
            b = ADD_PRODUCTS(b, LOAD(y, vl), weights, vl);
        }
#endif
    }
    STORE(out, rvv_finish(a, (const float *)k->channels + first, k->act_min, k->act_max, vl), vl);
    if (pixels > 1) {
        STORE(out + channels, rvv_finish(b, (const float *)k->channels + first, k->act_min, k->act_max, vl), vl);
    }
}

/* Outputs of one input channel of one pixel. */
static void of_one_input(const groat_depthwise_float *k, const int8_t *const *rows, uint32_t pixel, uint32_t input,
                         uint32_t first, size_t vl, ELEMENT *out)
{
    const uint32_t channels_out = k->channels_in * k->multiplier;
    const ELEMENT *w = (const ELEMENT *)k->weights + first;
    vfloat32m8_t sum = rvv_zeros(vl);
    for (uint32_t r = 0; r < k->rows; r++) {
        const ELEMENT *x = (const ELEMENT *)(const void *)rows[r] + pixel * k->pixel_stride + input;
        for (uint32_t t = 0; t < k->taps; t++, x += k->tap_stride, w += channels_out) {
            sum = ADD_SCALED(sum, *x, LOAD(w, vl), vl);
        }
    }
    STORE(out, rvv_finish(sum, (const float *)k->channels + first, k->act_min, k->act_max, vl), vl);
}

void KERNEL(depthwise)(const groat_depthwise_float *k, const int8_t *const *rows, KERNEL_ELEMENT *outputs,
                       uint32_t pixels)
{
    const uint32_t channels_out = k->channels_in * k->multiplier;
    ELEMENT *out = (ELEMENT *)(void *)outputs;
    if (k->multiplier == 1) {
        for (uint32_t p = 0, n; p < pixels; p += n, out += n * channels_out) {
            n = pixels - p > 1 ? 2 : 1;
            for (uint32_t c = 0, vl; c < channels_out; c += vl) {
                vl = lanes_of(channels_out - c);
                channel_by_channel(k, rows, p, c, vl, n, out + c);
            }
        }
        return;
    }
    for (uint32_t p = 0; p < pixels; p++, out += channels_out) {
        for (uint32_t i = 0; i < k->channels_in; i++) {
            for (uint32_t m = 0, vl; m < k->multiplier; m += vl) {
                const uint32_t first = i * k->multiplier + m;
                vl = lanes_of(k->multiplier - m);
                of_one_input(k, rows, p, i, first, vl, out + first);
            }
        }
    }
}
