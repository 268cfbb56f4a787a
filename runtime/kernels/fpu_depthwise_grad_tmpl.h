/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of a depthwise convolution of float32 with a floating-point unit, eight channels at a time: of a tap's weights
 * over all pixels that the tap meets, and of a pixel of the input over the taps that it meets.  Fewer channels than
 * eight and depth multipliers take the plain way.
 */
#include "fpu_grad.h"

enum {
    EIGHT = 8
};

/* ---- Weights --------------------------------------------------------------------------------------- */

#if FPU_ASSEMBLY

/* Adds the products of eight channels of a pixel. */
#define PIXEL                        \
    "vldmia.32 %[x], {s8-s15}\n\t"   \
    "vldmia.32 %[dy], {s16-s23}\n\t" \
    "add %[x], %[x], %[x_step]\n\t"  \
    "add %[dy], %[dy], %[dy_step]\n\t" FPU_EIGHT_PRODUCTS

static void sums_of_eight(const fpu_pixels *p, const float *x, const float *dy, float *sums)
{
    FPU_EIGHT_SUMS
    const uint32_t x_step = p->x_step * (uint32_t)sizeof(float);
    const uint32_t dy_step = p->dy_step * (uint32_t)sizeof(float);
    FPU_CLEAR_EIGHT;
    for (uint32_t rows = p->rows; rows > 0; rows--, x += p->x_row, dy += p->dy_row) {
        const float *xs = x, *dys = dy;
        uint32_t count = p->columns;
        __asm__ volatile("lsrs %[count], %[count], #1\n\t" /* carry: an odd one */
                         "bcc.w 1f\n\t" PIXEL "cmp %[count], #0\n"
                         "1:\n\t"
                         "beq.w 3f\n"
                         "2:\n\t" PIXEL PIXEL "subs %[count], %[count], #1\n\t"
                         "bne.w 2b\n"
                         "3:"
                         : [x] "+r"(xs), [dy] "+r"(dys), [count] "+r"(count), FPU_ALL_EIGHT("+w")
                         : [x_step] "r"(x_step), [dy_step] "r"(dy_step)
                         : FPU_EIGHT_FACTORS, "cc", "memory");
    }
    FPU_STORE_EIGHT(sums);
}

#else

static void sums_of_eight(const fpu_pixels *p, const float *x, const float *dy, float *sums)
{
    for (uint32_t n = 0; n < EIGHT; n++) {
        sums[n] = 0.0f;
        for (uint32_t r = 0; r < p->rows; r++) {
            for (uint32_t c = 0; c < p->columns; c++) {
                sums[n] =
                    groat_fma(x[r * p->x_row + c * p->x_step + n], dy[r * p->dy_row + c * p->dy_step + n], sums[n]);
            }
        }
    }
}

#endif

static float sum_of_one(const fpu_pixels *p, const float *x, const float *dy)
{
    float sum = 0.0f;
    for (uint32_t r = 0; r < p->rows; r++, x += p->x_row, dy += p->dy_row) {
        for (uint32_t c = 0; c < p->columns; c++) {
            sum = groat_fma(x[c * p->x_step], dy[c * p->dy_step], sum);
        }
    }
    return sum;
}

static void tap_weights(const groat_depthwise_grad_float *k, const fpu_pixels *p, const float *x, const float *dy,
                        float *dw)
{
    const uint32_t channels = k->channels_in * k->multiplier;
    if (k->multiplier > 1 || channels < EIGHT) {
        for (uint32_t o = 0; o < channels; o++) {
            fpu_update(dw + o, sum_of_one(p, x + o / k->multiplier, dy + o), k->alpha, k->beta);
        }
        return;
    }
    for (uint32_t o = 0; o < channels; o += EIGHT) { /* the last eight may overlap those before */
        const uint32_t first = o + EIGHT <= channels ? o : channels - EIGHT;
        float sums[EIGHT];
        sums_of_eight(p, x + first, dy + first, sums);
        for (uint32_t n = o - first; n < EIGHT; n++) {
            fpu_update(dw + first + n, sums[n], k->alpha, k->beta);
        }
    }
}

int FPU(depthwise_weight_grad_f32_needs)(const groat_depthwise_grad_float *k, groat_needs *needs)
{
    (void)k;
    needs->scratch_bytes = 0;
    return 1;
}

void FPU(depthwise_weight_grad_f32)(const groat_depthwise_grad_float *k, const float *x, const float *dy, float *dw,
                                    float *db)
{
    const groat_window *v = k->window;
    const uint32_t channels = k->channels_in * k->multiplier;
    for (uint32_t ky = 0; dw != 0 && ky < v->kernel_h; ky++) {
        for (uint32_t kx = 0; kx < v->kernel_w; kx++, dw += channels) {
            const fpu_pixels p = fpu_pixels_of(v, ky, kx, k->channels_in, channels);
            tap_weights(k, &p, x + p.x, dy + p.dy, dw);
        }
    }
    if (db != 0) {
        fpu_biases(dy, (uint32_t)v->out_h * v->out_w, channels, channels, k->alpha, k->beta, db);
    }
}

/* ---- Input ----------------------------------------------------------------------------------------- */

/* A tap and the output that it takes a pixel of the input to. */
typedef struct meeting {
    const float *dy;
    const float *w;
} meeting;

/* Two pointers, which count eight bytes everywhere. */
#define MEETING_BYTES 16u

int FPU(depthwise_input_grad_f32_needs)(const groat_depthwise_grad_float *k, groat_needs *needs)
{
    needs->scratch_bytes = (uint64_t)k->window->kernel_h * k->window->kernel_w * MEETING_BYTES;
    return 1;
}

#if FPU_ASSEMBLY

/* Eight channels of the pixel whose outputs lie `beyond` floats behind those of the list. */
static void eight_inputs(const meeting *m, uint32_t count, uint32_t beyond, uint32_t channel, float *dx)
{
    FPU_EIGHT_SUMS
    FPU_CLEAR_EIGHT;
    const float *dy, *w;
    if (count > 0) {
        __asm__ volatile("1:\n\t"
                         "ldrd %[dy], %[w], [%[m]], #8\n\t"
                         "add %[dy], %[dy], %[dy_offset]\n\t"
                         "add %[w], %[w], %[offset]\n\t"
                         "vldmia.32 %[dy], {s8-s15}\n\t"
                         "vldmia.32 %[w], {s16-s23}\n\t" FPU_EIGHT_PRODUCTS "subs %[count], %[count], #1\n\t"
                         "bne 1b"
                         : [dy] "=&r"(dy), [w] "=&r"(w), [m] "+r"(m), [count] "+r"(count), FPU_ALL_EIGHT("+w")
                         : [offset] "r"(channel * sizeof(float)), [dy_offset] "r"((beyond + channel) * sizeof(float))
                         : FPU_EIGHT_FACTORS, "cc", "memory");
    }
    dx += channel;
    FPU_STORE_EIGHT(dx);
}

#else

static void eight_inputs(const meeting *m, uint32_t count, uint32_t beyond, uint32_t channel, float *dx)
{
    for (uint32_t i = channel; i < channel + EIGHT; i++) {
        dx[i] = 0.0f;
        for (uint32_t n = 0; n < count; n++) {
            dx[i] = groat_fma(m[n].dy[beyond + i], m[n].w[i], dx[i]);
        }
    }
}

#endif

/* Lists the meetings of the pixel at (y, x), and says how many there are.  *room: pixels further on, a stride apart,
 * that have the same, just as many outputs further on. */
static uint32_t list_meetings(const groat_depthwise_grad_float *k, const float *w, const float *dy, uint32_t y,
                              uint32_t x, meeting *m, uint32_t *room)
{
    const groat_window *v = k->window;
    const uint32_t channels = k->channels_in * k->multiplier;
    uint32_t count = 0;
    *room = v->out_w;
    for (uint32_t ky = 0; ky < v->kernel_h; ky++) {
        const int32_t down = (int32_t)(y + v->pad_top) - (int32_t)(ky * v->dilation_h);
        if (down < 0 || down % v->stride_h != 0 || down / v->stride_h >= v->out_h) {
            continue;
        }
        const float *row = dy + (uint32_t)(down / v->stride_h) * v->out_w * channels;
        for (uint32_t kx = 0; kx < v->kernel_w; kx++) {
            const int32_t right = (int32_t)(x + v->pad_left) - (int32_t)(kx * v->dilation_w);
            const int32_t at = right / v->stride_w;
            if (at * v->stride_w != right) {
                continue;
            }
            if (right < 0 || at >= v->out_w) {
                *room = 0;
                continue;
            }
            if ((uint32_t)(v->out_w - 1 - at) < *room) {
                *room = (uint32_t)(v->out_w - 1 - at);
            }
            m[count++] = (meeting){row + (uint32_t)at * channels, w + (ky * v->kernel_w + kx) * channels};
        }
    }
    return count;
}

/* A pixel, from its meetings. */
static void pixel(const groat_depthwise_grad_float *k, const meeting *m, uint32_t count, uint32_t beyond, float *dx)
{
    const uint32_t channels = k->channels_in;
    if (k->multiplier == 1 && channels >= EIGHT) {
        for (uint32_t i = 0; i < channels; i += EIGHT) { /* the last may be computed twice */
            eight_inputs(m, count, beyond, i + EIGHT <= channels ? i : channels - EIGHT, dx);
        }
        return;
    }
    for (uint32_t i = 0; i < channels; i++) {
        dx[i] = 0.0f;
        for (uint32_t n = 0; n < count; n++) {
            for (uint32_t o = i * k->multiplier; o < (i + 1) * k->multiplier; o++) {
                dx[i] = groat_fma(m[n].dy[beyond + o], m[n].w[o], dx[i]);
            }
        }
    }
}

void FPU(depthwise_input_grad_f32)(const groat_depthwise_grad_float *k, const float *w, const float *dy, float *dx)
{
    const groat_window *v = k->window;
    const uint32_t channels = k->channels_in;
    meeting *const m = k->scratch;
    for (uint32_t y = 0; y < v->in_h; y++, dx += v->in_w * channels) {
        for (uint32_t phase = 0; phase < v->stride_w && phase < v->in_w; phase++) {
            uint32_t room = 0, count = 0, beyond = 0;
            for (uint32_t x = phase; x < v->in_w; x += v->stride_w) {
                if (room > 0) {
                    room--;
                    beyond += channels * k->multiplier;
                } else {
                    count = list_meetings(k, w, dy, y, x, m, &room);
                    beyond = 0;
                }
                pixel(k, m, count, beyond, dx + x * channels);
            }
        }
    }
}
