/* SPDX-License-Identifier: Apache-2.0
 *
 * Holds every kernel to its contract (runtime/kernels/README.md): the same hostile cases for whatever a build
 * selects, on the host and on every emulated core.  For each kernel it prints one line,
 *
 *     conv_s8: 300 cases, 123456 ticks for 9216 units
 *
 * with what one larger call costs where there is a counter; a unit is a multiply-accumulate, an element read by a
 * pool, or an element written.  At the first difference it says where, and ends with 1.
 */
#include "checkkernel.h"

#include "../../firmware/port/port.h"
#include "harness.h"
#include "oracle.h"

enum {
    CASES = 400,
    ROWS_MAX = 5,
    WEIGHTS_MAX = 1500, /* bytes, */
    IMAGE_MAX = 1600    /* so that a case fits the memory of the harness */
};

static const groat_kernel_table *kernels;

/* ---- Random arguments ---------------------------------------------------------------------------- */

static void draw_activation(int32_t *act_min, int32_t *act_max)
{
    int32_t a = random_one_in(3) ? random_hostile_s8() : INT8_MIN;
    int32_t b = random_one_in(3) ? random_hostile_s8() : INT8_MAX;
    *act_min = a < b ? a : b;
    *act_max = a < b ? b : a;
}

/* Of a scale: most often one that a model could have, with its top bit set; else a half, for ties, or an extreme. */
static int32_t draw_multiplier(void)
{
    static const int32_t extremes[] = {0, 1, (1 << 30) + 1, INT32_MAX - 1, INT32_MAX};
    if (random_one_in(4)) {
        return random_one_in(2) ? 1 << 30 : extremes[random_bits() % (sizeof extremes / sizeof extremes[0])];
    }
    return random_between(1 << 30, INT32_MAX);
}

/* Most often one that leaves a sum of `terms` products in the range of an int8; else anything that is allowed. */
static int32_t draw_shift(uint32_t terms)
{
    if (random_one_in(5)) {
        return random_between(-31, 30);
    }
    int32_t bits = 0;
    while (terms >> bits != 0) {
        bits++;
    }
    return -random_between(5, 8) - bits / 2;
}

static groat_channel *draw_channels(uint32_t count, uint32_t terms)
{
    groat_channel *channels = take_aligned(count * (uint32_t)sizeof *channels);
    for (uint32_t i = 0; i < count; i++) {
        int32_t reach = random_one_in(6) ? INT32_MAX : 20000;
        channels[i].bias = random_between(-reach, reach);
        channels[i].multiplier = draw_multiplier();
        channels[i].shift = draw_shift(terms);
    }
    return channels;
}

/* Rows of exactly the bytes that a kernel may read; now and then two are the same, like rows of padding. */
static const int8_t *const *draw_rows(uint32_t count, uint32_t bytes)
{
    static const int8_t *rows[ROWS_MAX];
    for (uint32_t r = 0; r < count; r++) {
        rows[r] = r > 0 && random_one_in(5) ? rows[r - 1] : take_s8(bytes);
    }
    return rows;
}

/* 1 to `limit`, and 1 more often than the rest. */
static uint32_t up_to(uint32_t limit)
{
    return random_one_in(5) ? 1 : (uint32_t)random_between(1, (int32_t)limit);
}

/* The bytes from the first tap of the first pixel to the last of the last. */
static uint32_t row_length(uint32_t pixels, uint32_t pixel_stride, uint32_t taps, uint32_t tap_stride, uint32_t tap)
{
    return (pixels - 1) * pixel_stride + (taps - 1) * tap_stride + tap;
}

/* ---- Cases: each draws arguments, runs oracle and kernel, and returns how many units of work that was ------ */

static uint32_t check_conv_s8(int large)
{
    groat_conv_s8 k;
    uint32_t pixels;
    uint32_t row_bytes;
    do {
        pixels = large ? 8 : up_to(8);
        k.channels_out = large ? 16 : up_to(17);
        k.rows = large ? 3 : up_to(ROWS_MAX);
        k.taps = large ? 3 : up_to(4);
        k.run = large ? 8 : up_to(random_one_in(4) ? 150 : 20);
        k.tap_stride = k.run + (large || random_one_in(2) ? 0 : up_to(9));
        k.pixel_stride = large || random_one_in(3) ? k.run : up_to(30);
        row_bytes = row_length(pixels, k.pixel_stride, k.taps, k.tap_stride, k.run);
    } while (k.channels_out * k.rows * k.taps * k.run > WEIGHTS_MAX || k.rows * row_bytes > IMAGE_MAX);
    uint32_t terms = k.rows * k.taps * k.run;
    k.out_stride = k.channels_out + (random_one_in(2) ? 0 : up_to(5));
    k.weights = take_aligned_s8(k.channels_out * terms);
    k.channels = draw_channels(k.channels_out, terms);
    k.acc_offset = random_one_in(3) ? (int32_t)random_bits() : 0;
    k.output_zero_point = random_hostile_s8();
    draw_activation(&k.act_min, &k.act_max);
    const int8_t *const *rows = draw_rows(k.rows, row_bytes);
    uint32_t out_bytes = (pixels - 1) * k.out_stride + k.channels_out;
    int8_t *out = take(out_bytes);

    groat_conv_s8 packed = k;
    groat_needs needs;
    lay_out_conv_s8(&packed);
    kernels->conv_s8_needs(&packed, &needs);
    packed.scratch = take_scratch((uint32_t)needs.scratch_bytes);

    harness_arm(out, out_bytes);
    oracle_conv_s8(&k, rows, twin(out), pixels);
    harness_start();
    kernels->conv_s8(&packed, rows, out, pixels);
    harness_stop();
    return pixels * k.channels_out * terms;
}

static uint32_t check_depthwise_s8(int large)
{
    groat_depthwise_s8 k;
    uint32_t pixels;
    uint32_t row_bytes;
    do {
        pixels = large ? 16 : up_to(8);
        k.channels_in = large ? 16 : up_to(random_one_in(4) ? 70 : 20);
        k.multiplier = large || random_one_in(2) ? 1 : up_to(4);
        k.rows = large ? 3 : up_to(ROWS_MAX);
        k.taps = large ? 3 : up_to(5);
        k.tap_stride = k.channels_in + (large || random_one_in(2) ? 0 : up_to(9));
        k.pixel_stride = large || random_one_in(3) ? k.channels_in : up_to(30);
        row_bytes = row_length(pixels, k.pixel_stride, k.taps, k.tap_stride, k.channels_in);
    } while (k.channels_in * k.multiplier > 70 || k.rows * k.taps * k.channels_in * k.multiplier > 600 ||
             k.rows * row_bytes > IMAGE_MAX);
    uint32_t channels_out = k.channels_in * k.multiplier;
    k.weights = take_aligned_s8(k.rows * k.taps * channels_out);
    k.channels = draw_channels(channels_out, k.rows * k.taps);
    k.output_zero_point = random_hostile_s8();
    draw_activation(&k.act_min, &k.act_max);
    const int8_t *const *rows = draw_rows(k.rows, row_bytes);
    int8_t *out = take(pixels * channels_out);

    groat_depthwise_s8 packed = k;
    groat_needs needs;
    lay_out_depthwise_s8(&packed);
    kernels->depthwise_s8_needs(&packed, &needs);
    packed.scratch = take_scratch((uint32_t)needs.scratch_bytes);

    harness_arm(out, pixels * channels_out);
    oracle_depthwise_s8(&k, rows, twin(out), pixels);
    harness_start();
    kernels->depthwise_s8(&packed, rows, out, pixels);
    harness_stop();
    return pixels * channels_out * k.rows * k.taps;
}

/* What the functions beside a filter's kernel answer, in the harness's memory like any other result. */
typedef struct answer {
    groat_needs needs;
    int32_t yes;
} answer;

static uint32_t draw_layout(void)
{
    return random_one_in(2) ? 0 : random_bits() % 256;
}

/* What a layout needs matters only if it is known. */
static void store_answer(answer *to, groat_needs needs, int yes)
{
    const groat_needs nothing = {0, 0, 0};
    to->needs = yes ? needs : nothing;
    to->yes = yes;
}

static uint32_t check_conv_s8_needs(int large)
{
    (void)large;
    groat_conv_s8 k = {.layout = draw_layout(),
                       .channels_out = up_to(UINT16_MAX),
                       .rows = up_to(UINT16_MAX),
                       .taps = up_to(random_one_in(2) ? 1 : 300),
                       .run = up_to(random_one_in(2) ? 1 << 24 : 300)};
    answer *out = take_aligned(sizeof *out);
    groat_needs needs;

    harness_arm(out, sizeof *out);
    int yes = oracle_conv_s8_needs(&k, &needs);
    store_answer(twin(out), needs, yes);
    harness_start();
    yes = kernels->conv_s8_needs(&k, &needs);
    store_answer(out, needs, yes);
    harness_stop();
    return 1;
}

static uint32_t check_depthwise_s8_needs(int large)
{
    (void)large;
    groat_depthwise_s8 k = {.layout = draw_layout(),
                            .channels_in = up_to(UINT16_MAX),
                            .multiplier = up_to(UINT16_MAX),
                            .rows = up_to(UINT16_MAX),
                            .taps = up_to(UINT16_MAX)};
    answer *out = take_aligned(sizeof *out);
    groat_needs needs;

    harness_arm(out, sizeof *out);
    int yes = oracle_depthwise_s8_needs(&k, &needs);
    store_answer(twin(out), needs, yes);
    harness_start();
    yes = kernels->depthwise_s8_needs(&k, &needs);
    store_answer(out, needs, yes);
    harness_stop();
    return 1;
}

/* Valid constants, or ones of which a single field is just out of range. */
static const groat_channel *draw_doubtful_channels(uint32_t count)
{
    groat_channel *channels = draw_channels(count, 9);
    groat_channel *doubtful = &channels[random_bits() % count];
    switch (random_bits() % 6) {
    case 0:
        doubtful->multiplier = random_one_in(2) ? -1 : INT32_MIN;
        break;
    case 1:
        doubtful->shift = random_one_in(2) ? 31 : INT32_MAX;
        break;
    case 2:
        doubtful->shift = random_one_in(2) ? -32 : INT32_MIN;
        break;
    default: /* valid, and at the limits */
        doubtful->shift = random_one_in(2) ? 30 : -31;
        break;
    }
    return channels;
}

static uint32_t check_conv_s8_check(int large)
{
    groat_conv_s8 k = {.channels_out = large ? 100 : up_to(30), .rows = 1, .taps = 1, .run = 1};
    k.weights = take_aligned_s8(k.channels_out);
    k.channels = draw_doubtful_channels(k.channels_out);
    int32_t *out = take_aligned(sizeof *out);
    groat_conv_s8 packed = k;
    lay_out_conv_s8(&packed);

    harness_arm(out, sizeof *out);
    *(int32_t *)twin(out) = oracle_conv_s8_check(&k);
    harness_start();
    *out = kernels->conv_s8_check(&packed);
    harness_stop();
    return k.channels_out;
}

static uint32_t check_depthwise_s8_check(int large)
{
    groat_depthwise_s8 k = {
        .channels_in = large ? 50 : up_to(12), .multiplier = large ? 2 : up_to(3), .rows = 1, .taps = 1};
    uint32_t channels_out = k.channels_in * k.multiplier;
    k.weights = take_aligned_s8(channels_out);
    k.channels = draw_doubtful_channels(channels_out);
    int32_t *out = take_aligned(sizeof *out);
    groat_depthwise_s8 packed = k;
    lay_out_depthwise_s8(&packed);

    harness_arm(out, sizeof *out);
    *(int32_t *)twin(out) = oracle_depthwise_s8_check(&k);
    harness_start();
    *out = kernels->depthwise_s8_check(&packed);
    harness_stop();
    return channels_out;
}

typedef void (*pool_kernel)(const groat_pool_s8 *k, const int8_t *const *rows, int8_t *out, uint32_t pixels);

static uint32_t check_pool(int large, pool_kernel oracle, pool_kernel kernel)
{
    groat_pool_s8 k;
    uint32_t pixels;
    uint32_t row_bytes;
    do {
        pixels = large ? 16 : up_to(8);
        k.channels = large ? 16 : up_to(random_one_in(4) ? 40 : 18);
        k.rows = large ? 2 : up_to(ROWS_MAX);
        k.taps = large ? 2 : up_to(7);
        k.pixel_stride = large || random_one_in(3) ? k.channels : up_to(90);
        row_bytes = row_length(pixels, k.pixel_stride, k.taps, k.channels, k.channels);
    } while (k.rows * row_bytes > IMAGE_MAX);
    draw_activation(&k.act_min, &k.act_max);
    const int8_t *const *rows = draw_rows(k.rows, row_bytes);
    int8_t *out = take(pixels * k.channels);

    harness_arm(out, pixels * k.channels);
    oracle(&k, rows, twin(out), pixels);
    harness_start();
    kernel(&k, rows, out, pixels);
    harness_stop();
    return pixels * k.channels * k.rows * k.taps;
}

static uint32_t check_average_pool_s8(int large)
{
    return check_pool(large, oracle_average_pool_s8, kernels->average_pool_s8);
}

static uint32_t check_max_pool_s8(int large)
{
    return check_pool(large, oracle_max_pool_s8, kernels->max_pool_s8);
}

static int32_t draw_signed_multiplier(void)
{
    return random_one_in(5) ? (random_one_in(2) ? INT32_MIN : (int32_t)random_bits()) : draw_multiplier();
}

static uint32_t check_add_s8(int large)
{
    uint32_t count = large ? 1000 : up_to(random_one_in(3) ? 300 : 40);
    uint32_t a_step = large || !random_one_in(4);
    uint32_t b_step = large || !random_one_in(4);
    groat_add_s8 k = {
        .a_multiplier = draw_signed_multiplier(),
        .b_multiplier = draw_signed_multiplier(),
        .output_multiplier = draw_signed_multiplier(),
        .a_shift = -random_between(0, random_one_in(4) ? 31 : 3),
        .b_shift = -random_between(0, random_one_in(4) ? 31 : 3),
        .output_shift = random_one_in(4) ? -random_between(0, 31) : -random_between(17, 20),
        .left_shift = random_one_in(4) ? random_between(0, 20) : 20,
        .a_zero_point = random_hostile_s8(),
        .b_zero_point = random_hostile_s8(),
        .output_zero_point = random_hostile_s8(),
    };
    draw_activation(&k.act_min, &k.act_max);
    int8_t *a = take_s8(a_step ? count : 1);
    int8_t *b = b_step == a_step && random_one_in(6) ? a : take_s8(b_step ? count : 1);
    int8_t *out = a_step && random_one_in(4) ? a : b_step && random_one_in(4) ? b : take(count);

    harness_arm(out, count);
    oracle_add_s8(&k, a, a_step, b, b_step, twin(out), count);
    harness_start();
    kernels->add_s8(&k, a, a_step, b, b_step, out, count);
    harness_stop();
    return count;
}

static uint32_t check_lut_8(int large)
{
    uint32_t count = large ? 1000 : up_to(random_one_in(3) ? 600 : 40);
    const uint8_t *table = take_aligned(256);
    uint8_t *in = take(count);
    uint8_t *out = random_one_in(3) ? in : take(count);

    harness_arm(out, count);
    oracle_lut_8(table, in, twin(out), count);
    harness_start();
    kernels->lut_8(table, in, out, count);
    harness_stop();
    return count;
}

static uint32_t check_softmax_s8(int large)
{
    uint32_t count = large ? 1000 : up_to(random_one_in(3) ? 900 : 20);
    uint32_t table_count = random_one_in(2) ? 256 : up_to(256);
    int32_t *table = take_aligned(table_count * (uint32_t)sizeof *table);
    /* Like the host's: from one down to nothing, sometimes at once and sometimes hardly. */
    int64_t decay = INT32_MAX - (int32_t)(random_bits() >> random_between(1, 20));
    int64_t value = INT32_MAX;
    for (uint32_t i = 0; i < table_count; i++) {
        table[i] = (int32_t)value;
        value = value * decay / INT32_MAX;
    }
    int8_t *in = take_s8(count);
    if (random_one_in(3)) {
        for (uint32_t i = 0; i < count; i++) {
            in[i] = (int8_t)random_between(-60, 10);
        }
    }
    int8_t *out = random_one_in(3) ? in : take(count);

    harness_arm(out, count);
    oracle_softmax_s8(table, table_count, in, twin(out), count);
    harness_start();
    kernels->softmax_s8(table, table_count, in, out, count);
    harness_stop();
    return count;
}

/* ---- All of them --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint32_t (*check)(int large);
} checks[] = {
#define GROAT_KERNEL(type, name, arguments) {#name, check_##name},
#include "../../runtime/kernels/kernels.def"
#undef GROAT_KERNEL
};

static int holds(uint32_t kernel)
{
    uint32_t units = 0;
    for (uint32_t number = 0; number <= CASES; number++) {
        uint32_t seed = kernel << 16 | number;
        harness_begin(seed);
        units = checks[kernel].check(number == CASES);
        if (!harness_agrees(checks[kernel].name, number, seed)) {
            return 0;
        }
    }
    groat_print(checks[kernel].name);
    print_number(": ", CASES);
    groat_print(" cases");
    if (harness_ticks() != 0) {
        print_number(", ", (int32_t)harness_ticks());
        print_number(" ticks for ", (int32_t)units);
        groat_print(" units");
    }
    groat_print("\n");
    return 1;
}

int main(void)
{
    kernels = kernels_under_test();
    groat_counter_start();
    for (uint32_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        if (!holds(i)) {
            return 1;
        }
    }
    return 0;
}
