/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of a convolution's input with a floating-point unit: of four pixels by four channels, summed over
 * taps and outputs in sixteen registers, or of one pixel by eight channels where no more are left.  Which outputs
 * pixels meet is listed once for all channels.  Pixels that are a stride apart meet the same taps, so that strides cost
 * no products.
 */
#include "fpu_grad_tmpl.h"

enum {
    FOUR = 4,
    EIGHT = 8
};

/* A tap, and the outputs that it takes from each of four pixels of the input to: those pixels' products with it. */
typedef struct meeting {
    const ELEMENT *dy[FOUR]; /* zeros, where there is no such output */
    const ELEMENT *w;        /* of the first output */
} meeting;

/* All meetings of some pixels, one or four, a stride apart. */
typedef struct meetings {
    meeting *all;
    uint32_t count;
    uint32_t pixels;
    uint32_t room; /* pixels further on that have the same, just as many outputs further on */
} meetings;

/* A meeting holds five pointers, which count eight bytes everywhere. */
#define MEETING_BYTES 40u

int NEEDS(conv_input_grad)(const groat_conv_grad_float *k, groat_needs *needs)
{
    const uint64_t taps = (uint64_t)k->window->kernel_h * k->window->kernel_w;
    needs->scratch_bytes = taps * MEETING_BYTES + (uint64_t)k->channels_out * sizeof(ELEMENT);
    return 1;
}

/* Lists the meetings of pixels from (y, x) on. */
static void list_meetings(const groat_conv_grad_float *k, const ELEMENT *w, const ELEMENT *dy, const ELEMENT *zeros,
                          uint32_t y, uint32_t x, meetings *list)
{
    const groat_window *v = k->window;
    const int32_t pixels = (int32_t)list->pixels;
    meeting *m = list->all;
    list->room = v->out_w;
    for (uint32_t ky = 0; ky < v->kernel_h; ky++) {
        const int32_t down = (int32_t)(y + v->pad_top) - (int32_t)(ky * v->dilation_h);
        if (down < 0 || down % v->stride_h != 0 || down / v->stride_h >= v->out_h) {
            continue;
        }
        const ELEMENT *row = dy + (uint32_t)(down / v->stride_h) * v->out_w * k->out_stride;
        for (uint32_t kx = 0; kx < v->kernel_w; kx++) {
            const int32_t right = (int32_t)(x + v->pad_left) - (int32_t)(kx * v->dilation_w);
            const int32_t first = right / v->stride_w;
            if (first * v->stride_w != right) {
                continue;
            }
            const int32_t room = v->out_w - pixels - first;
            if (first < 0 || room < 0) {
                list->room = 0;
                if (first + pixels <= 0 || first >= v->out_w) {
                    continue;
                }
            } else if ((uint32_t)room < list->room) {
                list->room = (uint32_t)room;
            }
            for (int32_t p = 0; p < pixels; p++) {
                const int32_t at = first + p;
                m->dy[p] = at >= 0 && at < v->out_w ? row + (uint32_t)at * k->out_stride : zeros;
            }
            m++->w = w + (ky * v->kernel_w + kx) * k->channels_in;
        }
    }
    list->count = (uint32_t)(m - list->all);
}

/* The meetings of as many pixels further on as there are. */
static void move_on(const groat_conv_grad_float *k, meetings *list)
{
    const uint32_t step = list->pixels * k->out_stride;
    for (meeting *m = list->all, *end = m + list->count; m < end; m++) {
        for (uint32_t p = 0; p < list->pixels; p++) {
            m->dy[p] += step;
        }
    }
    list->room -= list->pixels;
}

/* Channels of a pixel, one by one. */
static void few_inputs(const meeting *m, uint32_t count, uint32_t outputs, uint32_t w_step, uint32_t channel,
                       uint32_t channels, ELEMENT *dx)
{
    for (uint32_t i = channel; i < channel + channels; i++) {
        float sum = 0.0f;
        for (uint32_t n = 0; n < count; n++) {
            for (uint32_t o = 0; o < outputs; o++) {
                sum = groat_fma(WIDE(m[n].dy[0][o]), WIDE(m[n].w[o * w_step + i]), sum);
            }
        }
        dx[i] = NARROW(sum);
    }
}

#if FPU_ASSEMBLY

#define STEP_WEIGHTS "add %[w], %[w], %[step]\n\t"
/* Products of one output of each of four pixels, and of two.  Sets with vectors have their own. */
#ifndef TWO_OF_FOUR
#define ONE_OF_FOUR                                \
    LOAD_ONE("dy0", "temp", "s16")                 \
    LOAD_ONE("dy1", "temp", "s18")                 \
    LOAD_ONE("dy2", "temp", "s20")                 \
    LOAD_ONE("dy3", "temp", "s22")                 \
    LOAD_FOUR("w", "", "s24", "s25", "s26", "s27") \
    STEP_WEIGHTS FPU_PRODUCT("s24", "s25", "s26", "s27", "s16", "s18", "s20", "s22")
#define TWO_OF_FOUR                                                                      \
    LOAD_TWO("dy0", "!", "s16", "s17")                                                   \
    LOAD_TWO("dy1", "!", "s18", "s19")                                                   \
    LOAD_TWO("dy2", "!", "s20", "s21")                                                   \
    LOAD_TWO("dy3", "!", "s22", "s23")                                                   \
    LOAD_FOUR("w", "", "s24", "s25", "s26", "s27")                                       \
    STEP_WEIGHTS LOAD_FOUR("w", "", "s28", "s29", "s30", "s31")                          \
        STEP_WEIGHTS FPU_PRODUCT("s24", "s25", "s26", "s27", "s16", "s18", "s20", "s22") \
            FPU_PRODUCT("s28", "s29", "s30", "s31", "s17", "s19", "s21", "s23")
#define FOUR_TEMPORARIES FPU_UPPER_HALF
#endif

/* Four channels of four pixels. */
static void four_inputs(const meeting *m, uint32_t count, uint32_t outputs, uint32_t w_step, uint32_t channel,
                        ELEMENT *dx, uint32_t dx_step)
{
    FPU_SIXTEEN_SUMS
    const uint32_t step = w_step * (uint32_t)sizeof(ELEMENT);
    FPU_CLEAR_SIXTEEN;
    for (const meeting *end = m + count; m < end; m++) {
        const ELEMENT *dy0 = m->dy[0], *dy1 = m->dy[1], *dy2 = m->dy[2], *dy3 = m->dy[3], *w = m->w + channel;
        uint32_t left = outputs;
        __asm__ volatile(
            "subs %[left], %[left], #4\n\t"
            "blo.w 2f\n"
            "1:\n\t" TWO_OF_FOUR TWO_OF_FOUR "subs %[left], %[left], #4\n\t"
            "bhs.w 1b\n"
            "2:\n\t"
            "adds %[left], %[left], #4\n\t"
            "beq.w 4f\n"
            "3:\n\t" REST(ONE_OF_FOUR, TWO_OF_FOUR) "subs %[left], %[left], #" REST_STEP "\n\t"
                                                    "bne.w 3b\n"
                                                    "4:"
            : [dy0] "+r"(dy0), [dy1] "+r"(dy1), [dy2] "+r"(dy2), [dy3] "+r"(dy3), [w] "+r"(w), [left] "+r"(left),
              FPU_ALL_SIXTEEN("+w")
            : [step] "r"(step)
            : FOUR_TEMPORARIES, "cc", "memory");
    }
    dx += channel;
    STORE_PIXELS(dx, dx_step * sizeof(ELEMENT));
}

/* The products of an output, in a register, with weights s16 to s23. */
#define ONE_OUTPUT(dy)                                                                               \
    LOAD_EIGHT("w", "", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23")                      \
    STEP_WEIGHTS "vfma.f32 s0, " dy ", s16\n\tvfma.f32 s1, " dy ", s17\n\tvfma.f32 s2, " dy          \
                 ", s18\n\tvfma.f32 s3, " dy ", s19\n\tvfma.f32 s4, " dy ", s20\n\tvfma.f32 s5, " dy \
                 ", s21\n\tvfma.f32 s6, " dy ", s22\n\tvfma.f32 s7, " dy ", s23\n\t"
#define REST_OF_EIGHT                                   \
    REST(LOAD_ONE("dy", "temp", "s8") ONE_OUTPUT("s8"), \
         LOAD_TWO("dy", "!", "s8", "s9") ONE_OUTPUT("s8") ONE_OUTPUT("s9"))

/* Eight channels of a pixel. */
static void eight_inputs(const meeting *m, uint32_t count, uint32_t outputs, uint32_t w_step, uint32_t channel,
                         ELEMENT *dx)
{
    FPU_EIGHT_SUMS
    const uint32_t step = w_step * (uint32_t)sizeof(ELEMENT);
    FPU_CLEAR_EIGHT;
    for (const meeting *end = m + count; m < end; m++) {
        const ELEMENT *dy = m->dy[0], *w = m->w + channel;
        uint32_t left = outputs;
        __asm__ volatile(
            "subs %[left], %[left], #4\n\t"
            "blo.w 2f\n"
            "1:\n\t" LOAD_FOUR("dy", "!", "s8", "s9", "s10", "s11") ONE_OUTPUT("s8") ONE_OUTPUT("s9") ONE_OUTPUT("s10")
                ONE_OUTPUT("s11") "subs %[left], %[left], #4\n\t"
                                  "bhs.w 1b\n"
                                  "2:\n\t"
                                  "adds %[left], %[left], #4\n\t"
                                  "beq.w 4f\n"
                                  "3:\n\t" REST_OF_EIGHT "subs %[left], %[left], #" REST_STEP "\n\t"
                                  "bne.w 3b\n"
                                  "4:"
            : [dy] "+r"(dy), [w] "+r"(w), [left] "+r"(left), FPU_ALL_EIGHT("+w")
            : [step] "r"(step)
            : "s8", "s9", "s10", "s11", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "cc", "memory");
    }
    dx += channel;
    STORE_SUMS(dx);
}

#else

static void four_inputs(const meeting *m, uint32_t count, uint32_t outputs, uint32_t w_step, uint32_t channel,
                        ELEMENT *dx, uint32_t dx_step)
{
    for (uint32_t p = 0; p < FOUR; p++) {
        for (uint32_t i = channel; i < channel + FOUR; i++) {
            float sum = 0.0f;
            for (uint32_t n = 0; n < count; n++) {
                for (uint32_t o = 0; o < outputs; o++) {
                    sum = groat_fma(WIDE(m[n].dy[p][o]), WIDE(m[n].w[o * w_step + i]), sum);
                }
            }
            dx[p * dx_step + i] = NARROW(sum);
        }
    }
}

static void eight_inputs(const meeting *m, uint32_t count, uint32_t outputs, uint32_t w_step, uint32_t channel,
                         ELEMENT *dx)
{
    few_inputs(m, count, outputs, w_step, channel, EIGHT, dx);
}

#endif

/* As four_inputs(), of numbers that lie anywhere. */
static void four_inputs_anywhere(const meeting *m, uint32_t count, uint32_t outputs, uint32_t w_step, uint32_t channel,
                                 ELEMENT *dx, uint32_t dx_step)
{
    FPU_ROWS;
    for (const meeting *end = m + count; m < end; m++) {
        const ELEMENT *w = m->w + channel;
        const ELEMENT *dy0 = m->dy[0], *dy1 = m->dy[1], *dy2 = m->dy[2], *dy3 = m->dy[3];
        for (uint32_t left = outputs; left > 0; left--, w += w_step, dy0++, dy1++, dy2++, dy3++) {
            const float y0 = WIDE(w[0]), y1 = WIDE(w[1]), y2 = WIDE(w[2]), y3 = WIDE(w[3]);
            FPU_ROWS_ADD(WIDE(*dy0), WIDE(*dy1), WIDE(*dy2), WIDE(*dy3));
        }
    }
    const float sums[] = FPU_ALL_ROWS;
    for (uint32_t p = 0; p < FOUR; p++) {
        for (uint32_t i = 0; i < FOUR; i++) {
            dx[p * dx_step + channel + i] = NARROW(sums[p * FOUR + i]);
        }
    }
}

/* The same pixels as one row, where windows are single pixels that lie side by side. */
static groat_window flattened(const groat_window *w)
{
    groat_window flat = *w;
    const uint32_t pixels = (uint32_t)w->in_h * w->in_w;
    if (w->kernel_h * w->kernel_w == 1 && w->in_h == w->out_h && w->in_w == w->out_w && w->pad_top == 0 &&
        w->pad_left == 0 && pixels <= UINT16_MAX) {
        flat.in_h = flat.out_h = flat.stride_h = flat.stride_w = 1;
        flat.in_w = flat.out_w = (uint16_t)pixels;
    }
    return flat;
}

void KERNEL(conv_input_grad)(const groat_conv_grad_float *given, const ELEMENT *w, const ELEMENT *dy, ELEMENT *dx)
{
    const uintptr_t dys = (uintptr_t)dy | given->out_stride * sizeof(ELEMENT) | given->channels_out * sizeof(ELEMENT);
    const uintptr_t dxs = (uintptr_t)dx | given->in_stride * sizeof(ELEMENT);
    const int loadable = LOADABLE(dys | dxs | (uintptr_t)w | given->channels_in * sizeof(ELEMENT));
    const groat_window flat = flattened(given->window);
    const groat_window *v = &flat;
    groat_conv_grad_float image = *given;
    const groat_conv_grad_float *k = &image;
    image.window = v;
    const uint32_t inputs = k->channels_in, outputs = k->channels_out;
    const uint32_t w_step = (uint32_t)v->kernel_h * v->kernel_w * inputs;
    ELEMENT *const zeros = (ELEMENT *)((uint8_t *)k->scratch + (uint32_t)v->kernel_h * v->kernel_w * MEETING_BYTES);
    for (uint32_t o = 0; o < outputs; o++) {
        zeros[o] = 0;
    }
    for (uint32_t y = 0; y < v->in_h; y++, dx += v->in_w * k->in_stride) {
        for (uint32_t phase = 0; phase < v->stride_w && phase < v->in_w; phase++) {
            meetings list = {.all = k->scratch};
            for (uint32_t x = phase, pixels; x < v->in_w; x += pixels * v->stride_w) {
                pixels = x + (FOUR - 1) * v->stride_w < v->in_w && inputs >= FOUR ? FOUR : 1;
                if (list.pixels == pixels && list.room >= pixels) {
                    move_on(k, &list);
                } else {
                    list.pixels = pixels;
                    list_meetings(k, w, dy, zeros, y, x, &list);
                }
                const uint32_t width = pixels == FOUR ? FOUR : EIGHT;
                ELEMENT *to = dx + x * k->in_stride;
                if (inputs < width || (!loadable && pixels == 1)) {
                    few_inputs(list.all, list.count, outputs, w_step, 0, inputs, to);
                    continue;
                }
                for (uint32_t i = 0; i < inputs; i += width) { /* the last may be computed twice */
                    const uint32_t channel = i + width <= inputs ? i : inputs - width;
                    if (!loadable) {
                        four_inputs_anywhere(list.all, list.count, outputs, w_step, channel, to,
                                             v->stride_w * k->in_stride);
                    } else if (pixels == FOUR) {
                        four_inputs(list.all, list.count, outputs, w_step, channel, to, v->stride_w * k->in_stride);
                    } else {
                        eight_inputs(list.all, list.count, outputs, w_step, channel, to);
                    }
                }
            }
        }
    }
}
