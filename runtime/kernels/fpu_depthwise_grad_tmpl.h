/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of a depthwise convolution with a floating-point unit, eight channels at a time: of a tap's weights
 * over all pixels that the tap meets, and of a pixel of the input over the taps that it meets.  Fewer channels than
 * eight and depth multipliers take the plain way, but for weights over a single input channel.
 */
#include "fpu_grad_tmpl.h"

enum {
    EIGHT = 8
};

/* ---- Weights --------------------------------------------------------------------------------------- */

#if FPU_ASSEMBLY

/* Adds the products of eight channels of a pixel. */
#define PIXEL_OF_EIGHT                                                           \
    LOAD_EIGHT("x", "", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15")    \
    LOAD_EIGHT("dy", "", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23") \
    "add %[x], %[x], %[x_step]\n\t"                                              \
    "add %[dy], %[dy], %[dy_step]\n\t" FPU_EIGHT_PRODUCTS

/* The same of eight outputs of one channel. */
#define PIXEL_OF_ONE                                                             \
    LOAD_ONE("x", "temp", "s8")                                                  \
    LOAD_EIGHT("dy", "", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23") \
    "add %[x], %[x], %[x_step]\n\t"                                              \
    "add %[dy], %[dy], %[dy_step]\n\t" FPU_EIGHT_BY_ONE

#define ROW_OF_PIXELS(pixel)                                                                                      \
    __asm__ volatile("lsrs %[count], %[count], #1\n\t" /* carry: an odd one */                                    \
                     "bcc.w 1f\n\t" pixel "cmp %[count], #0\n"                                                    \
                     "1:\n\t"                                                                                     \
                     "beq.w 3f\n"                                                                                 \
                     "2:\n\t" pixel pixel "subs %[count], %[count], #1\n\t"                                       \
                     "bne.w 2b\n"                                                                                 \
                     "3:"                                                                                         \
                     : [x] "+r"(xs), [dy] "+r"(dys), [count] "+r"(count), [temp] "=&r"(temp), FPU_ALL_EIGHT("+w") \
                     : [x_step] "r"(x_step), [dy_step] "r"(dy_step)                                               \
                     : FPU_EIGHT_FACTORS, "cc", "memory")

/* Sums of eight outputs, of as many channels or of one. */
static void sums_of_eight(const fpu_pixels *p, const ELEMENT *x, const ELEMENT *dy, int by_one, float *sums)
{
    FPU_EIGHT_SUMS
    const uint32_t x_step = (by_one ? p->x_step - 1 : p->x_step) * (uint32_t)sizeof(ELEMENT);
    const uint32_t dy_step = p->dy_step * (uint32_t)sizeof(ELEMENT);
    FPU_CLEAR_EIGHT;
    for (uint32_t rows = p->rows; rows > 0; rows--, x += p->x_row, dy += p->dy_row) {
        const ELEMENT *xs = x, *dys = dy;
        uint32_t count = p->columns, temp;
        if (by_one) {
            ROW_OF_PIXELS(PIXEL_OF_ONE);
        } else {
            ROW_OF_PIXELS(PIXEL_OF_EIGHT);
        }
    }
    FPU_STORE_EIGHT(sums);
}

#else

static void sums_of_eight(const fpu_pixels *p, const ELEMENT *x, const ELEMENT *dy, int by_one, float *sums)
{
    for (uint32_t n = 0; n < EIGHT; n++) {
        sums[n] = 0.0f;
        for (uint32_t r = 0; r < p->rows; r++) {
            for (uint32_t c = 0; c < p->columns; c++) {
                const float wide = WIDE(x[r * p->x_row + c * p->x_step + (by_one ? 0 : n)]);
                sums[n] = groat_fma(wide, WIDE(dy[r * p->dy_row + c * p->dy_step + n]), sums[n]);
            }
        }
    }
}

#endif

static float sum_of_one(const fpu_pixels *p, const ELEMENT *x, const ELEMENT *dy)
{
    float sum = 0.0f;
    for (uint32_t r = 0; r < p->rows; r++, x += p->x_row, dy += p->dy_row) {
        for (uint32_t c = 0; c < p->columns; c++) {
            sum = groat_fma(WIDE(x[c * p->x_step]), WIDE(dy[c * p->dy_step]), sum);
        }
    }
    return sum;
}

static void tap_weights(const groat_depthwise_grad_float *k, const fpu_pixels *p, const ELEMENT *x, const ELEMENT *dy,
                        ELEMENT *dw)
{
    const uint32_t channels = k->channels_in * k->multiplier;
    const int by_one = k->channels_in == 1;
    if ((k->multiplier > 1 && !by_one) || channels < EIGHT) {
        for (uint32_t o = 0; o < channels; o++) {
            fpu_update(dw + o, sum_of_one(p, x + o / k->multiplier, dy + o), k->alpha, k->beta);
        }
        return;
    }
    for (uint32_t o = 0; o < channels; o += EIGHT) { /* the last eight may overlap those before */
        const uint32_t first = o + EIGHT <= channels ? o : channels - EIGHT;
        float sums[EIGHT];
        sums_of_eight(p, by_one ? x : x + first, dy + first, by_one, sums);
        for (uint32_t n = o - first; n < EIGHT; n++) {
            fpu_update(dw + first + n, sums[n], k->alpha, k->beta);
        }
    }
}

void KERNEL(depthwise_weight_grad)(const groat_depthwise_grad_float *k, const ELEMENT *x, const ELEMENT *dy,
                                   ELEMENT *dw, float *db)
{
    const groat_window *v = k->window;
    const uint32_t channels = k->channels_in * k->multiplier;
    if (!LOADABLE((k->channels_in == 1 ? 0 : (uintptr_t)x) | (uintptr_t)dy | channels * sizeof(ELEMENT))) {
        PORTABLE(depthwise_weight_grad)(k, x, dy, dw, db);
        return;
    }
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
    const ELEMENT *dy;
    const ELEMENT *w;
} meeting;

/* Two pointers, which count eight bytes everywhere. */
#define MEETING_BYTES 16u

int NEEDS(depthwise_input_grad)(const groat_depthwise_grad_float *k, groat_needs *needs)
{
    needs->scratch_bytes = (uint64_t)k->window->kernel_h * k->window->kernel_w * MEETING_BYTES;
    return 1;
}

#if FPU_ASSEMBLY

/* Eight channels of the pixel whose outputs lie `beyond` floats behind those of the list. */
static void eight_inputs(const meeting *m, uint32_t count, uint32_t beyond, uint32_t channel, ELEMENT *dx)
{
    FPU_EIGHT_SUMS
    FPU_CLEAR_EIGHT;
    const ELEMENT *dy, *w;
    if (count > 0) {
        __asm__ volatile(
            "1:\n\t"
            "ldrd %[dy], %[w], [%[m]], #8\n\t"
            "add %[dy], %[dy], %[dy_offset]\n\t"
            "add %[w], %[w], %[offset]\n\t" LOAD_EIGHT("dy", "", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15")
                LOAD_EIGHT("w", "", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23") FPU_EIGHT_PRODUCTS
            "subs %[count], %[count], #1\n\t"
            "bne.w 1b"
            : [dy] "=&r"(dy), [w] "=&r"(w), [m] "+r"(m), [count] "+r"(count), FPU_ALL_EIGHT("+w")
            : [offset] "r"(channel * sizeof(ELEMENT)), [dy_offset] "r"((beyond + channel) * sizeof(ELEMENT))
            : FPU_EIGHT_FACTORS, "cc", "memory");
    }
    dx += channel;
    STORE_SUMS(dx);
}

#else

static void eight_inputs(const meeting *m, uint32_t count, uint32_t beyond, uint32_t channel, ELEMENT *dx)
{
    for (uint32_t i = channel; i < channel + EIGHT; i++) {
        float sum = 0.0f;
        for (uint32_t n = 0; n < count; n++) {
            sum = groat_fma(WIDE(m[n].dy[beyond + i]), WIDE(m[n].w[i]), sum);
        }
        dx[i] = NARROW(sum);
    }
}

#endif

/* Lists the meetings of the pixel at (y, x), and says how many there are.  *room: pixels further on, a stride apart,
 * that have the same, just as many outputs further on. */
static uint32_t list_meetings(const groat_depthwise_grad_float *k, const ELEMENT *w, const ELEMENT *dy, uint32_t y,
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
        const ELEMENT *row = dy + (uint32_t)(down / v->stride_h) * v->out_w * channels;
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
static void pixel(const groat_depthwise_grad_float *k, const meeting *m, uint32_t count, uint32_t beyond, ELEMENT *dx)
{
    const uint32_t channels = k->channels_in;
    if (k->multiplier == 1 && channels >= EIGHT) {
        for (uint32_t i = 0; i < channels; i += EIGHT) { /* the last may be computed twice */
            eight_inputs(m, count, beyond, i + EIGHT <= channels ? i : channels - EIGHT, dx);
        }
        return;
    }
    for (uint32_t i = 0; i < channels; i++) {
        float sum = 0.0f;
        for (uint32_t n = 0; n < count; n++) {
            for (uint32_t o = i * k->multiplier; o < (i + 1) * k->multiplier; o++) {
                sum = groat_fma(WIDE(m[n].dy[beyond + o]), WIDE(m[n].w[o]), sum);
            }
        }
        dx[i] = NARROW(sum);
    }
}

void KERNEL(depthwise_input_grad)(const groat_depthwise_grad_float *k, const ELEMENT *w, const ELEMENT *dy, ELEMENT *dx)
{
    const groat_window *v = k->window;
    const uint32_t channels = k->channels_in;
    if (!LOADABLE((uintptr_t)w | (uintptr_t)dy | (uintptr_t)dx | channels * sizeof(ELEMENT))) {
        PORTABLE(depthwise_input_grad)(k, w, dy, dx);
        return;
    }
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
