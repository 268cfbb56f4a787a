/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and dense layers of float16.  Up to 32 terms of a sum are float16, too, so that registers hold twice as many
 * as of float32 (docs/NUMERICS.md).  Output channels are in the lanes, or neighbouring pixels where that fills more of
 * them; the other one's factors are scalars, of up to three sums of 64 lanes or six of 32.
 */
#include "f16.h"
#include "finite.h"
#include "sums_float.h"

/* Sums become float32 in memory, as ADD_SUM adds them. */
#define SET_SUM(n) GROUP(set_sums, set_sums4)(to + n * apart, sum##n, vl);

enum {
    LANES = 64, /* at VLEN 128; longer registers have them, too */
    SUMS = 6    /* of half as many lanes */
};

int groat_conv_f16_needs_rvv(const groat_conv_float *k, groat_needs *needs)
{
    needs->weights_bytes = (uint64_t)k->rows * k->taps * k->run * k->channels_out * sizeof(rvv_half);
    needs->channels_bytes = (uint64_t)k->channels_out * sizeof(float);
    needs->scratch_bytes = LANES / 2 * SUMS * sizeof(float);
    return k->layout <= RVV_FLOAT_LANES;
}

static inline void set_sums(float *to, vfloat16m8_t sums, size_t vl)
{
    const size_t half = __riscv_vsetvlmax_e16m4();
    const size_t low = vl < half ? vl : half;
    __riscv_vse32_v_f32m8(to, __riscv_vfwcvt_f_f_v_f32m8(__riscv_vget_v_f16m8_f16m4(sums, 0), low), low);
    if (vl > half) {
        vl -= half;
        __riscv_vse32_v_f32m8(to + half, __riscv_vfwcvt_f_f_v_f32m8(__riscv_vget_v_f16m8_f16m4(sums, 1), vl), vl);
    }
}

#ifdef __riscv
static inline void set_sums4(float *to, vfloat16m4_t sums, size_t vl)
{
    __riscv_vse32_v_f32m8(to, __riscv_vfwcvt_f_f_v_f32m8(sums, vl), vl);
}
#else
#define set_sums4 set_sums
#endif

static inline const rvv_half *tap_of(const groat_conv_float *k, const int8_t *const *rows, uint32_t r, uint32_t t,
                                     uint32_t pixel)
{
    return (const rvv_half *)(const void *)rows[r] + pixel * k->pixel_stride + t * k->tap_stride;
}

/* Where the factors of sums are. */
typedef struct factors {
    const groat_conv_float *k;
    const int8_t *const *rows;
    uint32_t pixel;    /* the first */
    const rvv_half *w; /* of the first channel */
    const float *bias;
    int by_pixels;     /* lanes are pixels; else channels */
    uint32_t lane;     /* bytes from one lane of the vector to the next, */
    uint32_t step;     /* and from one term's to the next one's; */
    uint32_t apart;    /* elements from one sum's scalars to those of the next */
} factors;

/* Lanes that are apart, and lanes that touch. */
#define ASM_LOAD_TERM "vlse16.v"
#define ASM_LANE ", %[lane]"
#define GROUP(of_8, of_4) of_8
#define CHUNKS one_strided
#define EACH_SUM(DO) DO(0)
#include "chunks_tmpl.h"
#define CHUNKS two_strided
#define EACH_SUM(DO) DO(0) DO(1)
#include "chunks_tmpl.h"
#define CHUNKS three_strided
#define EACH_SUM(DO) DO(0) DO(1) DO(2)
#include "chunks_tmpl.h"
#undef GROUP
#define GROUP(of_8, of_4) of_4
#define CHUNKS four_strided
#define EACH_SUM(DO) DO(0) DO(1) DO(2) DO(3)
#include "chunks_tmpl.h"
#define CHUNKS five_strided
#define EACH_SUM(DO) DO(0) DO(1) DO(2) DO(3) DO(4)
#include "chunks_tmpl.h"
#define CHUNKS six_strided
#define EACH_SUM(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)
#include "chunks_tmpl.h"
#undef GROUP
#undef ASM_LANE
#undef ASM_LOAD_TERM

#define ASM_LOAD_TERM "vle16.v"
#define ASM_LANE ""
#define GROUP(of_8, of_4) of_8
#define CHUNKS one_packed
#define EACH_SUM(DO) DO(0)
#include "chunks_tmpl.h"
#define CHUNKS two_packed
#define EACH_SUM(DO) DO(0) DO(1)
#include "chunks_tmpl.h"
#define CHUNKS three_packed
#define EACH_SUM(DO) DO(0) DO(1) DO(2)
#include "chunks_tmpl.h"
#undef GROUP
#define GROUP(of_8, of_4) of_4
#define CHUNKS four_packed
#define EACH_SUM(DO) DO(0) DO(1) DO(2) DO(3)
#include "chunks_tmpl.h"
#define CHUNKS five_packed
#define EACH_SUM(DO) DO(0) DO(1) DO(2) DO(3) DO(4)
#include "chunks_tmpl.h"
#define CHUNKS six_packed
#define EACH_SUM(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)
#include "chunks_tmpl.h"
#undef GROUP
#undef ASM_LANE
#undef ASM_LOAD_TERM

typedef void chunks_function(const factors *f, uint32_t first, size_t vl, float *sums);

/* A sum in float32 all the way. */
static float exact_sum(const factors *f, uint32_t pixel, uint32_t channel)
{
    const groat_conv_float *k = f->k;
    const uint32_t channel_step = f->by_pixels ? f->apart : f->lane / (uint32_t)sizeof(rvv_half);
    const uint32_t term_step = f->by_pixels ? 1 : f->step / (uint32_t)sizeof(rvv_half);
    const rvv_half *w = f->w + channel * channel_step;
    float sum = 0.0f;
    for (uint32_t r = 0; r < k->rows; r++) {
        for (uint32_t t = 0; t < k->taps; t++) {
            const rvv_half *x = tap_of(k, f->rows, r, t, f->pixel + pixel);
            for (uint32_t i = 0; i < k->run; i++, w += term_step) {
                sum = groat_fma(rvv_wide(x[i]), rvv_wide(*w), sum);
            }
        }
    }
    return sum;
}

/* Outputs from `count` sums of `vl` lanes.  Returns whether all are finite. */
static int finish(const factors *f, const float *sums, uint32_t first, uint32_t count, uint32_t vl, rvv_half *out)
{
    const groat_conv_float *k = f->k;
    const uint32_t lane = f->by_pixels ? k->out_stride : 1;
    const uint32_t next = f->by_pixels ? 1 : k->out_stride;
    const size_t most = __riscv_vsetvlmax_e32m8();
    vfloat32m8_t zeros = rvv_zeros(most);
    for (uint32_t n = 0; n < count; n++, out += next) {
        const float *bias = f->by_pixels ? f->bias + first + n : f->bias;
        rvv_half *to = out;
        for (uint32_t left = vl, some; left > 0; left -= some, sums += some, to += some * lane) {
            some = (uint32_t)__riscv_vsetvl_e32m8(left);
            vfloat32m8_t y = __riscv_vle32_v_f32m8(sums, some);
            zeros = __riscv_vfmacc_vf_f32m8_tu(zeros, 0.0f, y, some);
            if (f->by_pixels) {
                y = __riscv_vfadd_vf_f32m8(y, *bias, some);
            } else {
                y = __riscv_vfadd_vv_f32m8(y, __riscv_vle32_v_f32m8(bias, some), some);
                bias += some;
            }
            y = rvv_clamp(y, k->act_min, k->act_max, some);
            if (lane == 1) {
                STORE(to, y, some);
            } else {
                STORE_STRIDED(to, (ptrdiff_t)(lane * sizeof *to), y, some);
            }
        }
    }
    return rvv_are_numbers(zeros, most);
}

/* `count` sums of `vl` lanes; what has overflowed is made again. */
static void block(const factors *f, chunks_function *chunks, uint32_t first, uint32_t count, uint32_t vl, rvv_half *out)
{
    float *sums = f->k->scratch;
    out += first * (f->by_pixels ? 1 : f->k->out_stride);
    chunks(f, first, vl, sums);
    if (finish(f, sums, first, count, vl, out)) {
        return;
    }
    for (uint32_t i = 0; i < count * vl; i++) {
        if (!(sums[i] - sums[i] == 0.0f)) {
            const uint32_t lane = i % vl, scalar = first + i / vl;
            sums[i] = f->by_pixels ? exact_sum(f, lane, scalar) : exact_sum(f, scalar, lane);
        }
    }
    finish(f, sums, first, count, vl, out);
}

/* All sums of one vector. */
static void all_scalars(const factors *f, uint32_t scalars, uint32_t vl, rvv_half *out)
{
    static chunks_function *const strided[] = {one_strided,  two_strided,  three_strided,
                                               four_strided, five_strided, six_strided};
    static chunks_function *const packed[] = {one_packed,  two_packed,  three_packed,
                                              four_packed, five_packed, six_packed};
    chunks_function *const *chunks = f->lane == sizeof(rvv_half) ? packed : strided;
    const uint32_t most = vl > LANES / 2 ? SUMS / 2 : SUMS;
    for (uint32_t first = 0, count; first < scalars; first += count) {
        const uint32_t left = scalars - first;
        const uint32_t blocks = (left + most - 1) / most;
        count = (left + blocks - 1) / blocks; /* about as many in each */
        block(f, chunks[count - 1], first, count, vl, out);
    }
}

/* What so many lanes and scalars take: three sums of 64 lanes four, six of 32 seven. */
static uint32_t effort(uint32_t lanes, uint32_t scalars)
{
    const uint32_t rest = lanes % LANES;
    const uint32_t whole = lanes / LANES + (rest > LANES / 2 ? 1u : 0u);
    return whole * ((scalars + 2) / 3) * 4 + (rest > 0 && rest <= LANES / 2 ? (scalars + 5) / 6 * 7 : 0);
}

void groat_conv_f16_rvv(const groat_conv_float *k, const int8_t *const *rows, uint16_t *outputs, uint32_t pixels)
{
    const uint32_t terms = k->rows * k->taps * k->run;
    const int packed = k->layout == RVV_FLOAT_LANES;
    rvv_half *out = (rvv_half *)(void *)outputs;
    factors f = {.k = k, .rows = rows, .w = k->weights, .bias = k->channels};
    if (!packed && effort(pixels, k->channels_out) < effort(k->channels_out, pixels)) {
        f.by_pixels = 1;
        f.lane = k->pixel_stride * (uint32_t)sizeof *out;
        f.step = sizeof *out;
        f.apart = terms;
        for (uint32_t vl; f.pixel < pixels; f.pixel += vl) {
            vl = at_most(pixels - f.pixel, LANES);
            all_scalars(&f, k->channels_out, vl, out + f.pixel * k->out_stride);
        }
        return;
    }
    f.apart = k->pixel_stride;
    for (uint32_t left = k->channels_out, vl; left > 0; left -= vl, f.w += vl * terms, f.bias += vl, out += vl) {
        vl = at_most(left, LANES);
        f.lane = (packed ? 1 : terms) * (uint32_t)sizeof *out;
        f.step = (packed ? vl : 1) * (uint32_t)sizeof *out;
        all_scalars(&f, pixels, vl, out);
    }
}
