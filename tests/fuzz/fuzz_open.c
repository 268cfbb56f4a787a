/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes at all as a packed model: groat_open refuses it, or everything after that stays within model and arena.
 * Built with libFuzzer, and with replay.c for the regression test.  An input is a file; bytes that follow it are
 * what the model is run on.
 */
#include <stdlib.h>
#include <string.h>

#include "../../runtime/core/op.h"

enum {
    ARENA_MAX = 1 << 16,
    PROGRAMS_MAX = 4
};

/* Loop iterations of one run; about 50 ms with the sanitizers. */
static const double WORK_MAX = 2e6;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

/* Of exactly this size, so that an address sanitizer sees the first byte beyond it. */
static void *exact_block(size_t bytes)
{
    void *block = NULL;
    require(posix_memalign(&block, GROAT_ALIGN, bytes > 0 ? bytes : 1) == 0);
    return block;
}

/* ---- How long a run takes ------------------------------------------------------------------------ */

static double window_work(const groat_window *w, double per_tap)
{
    double taps = (double)w->kernel_h * w->kernel_w;
    return (double)w->batches * w->out_h * w->out_w * taps * per_tap + (double)w->batches * w->in_h * w->in_w;
}

/* Pools clip their windows to the image. */
static double pool_work(const groat_window *w)
{
    groat_window clipped = *w;
    clipped.kernel_h = w->kernel_h < w->in_h ? w->kernel_h : w->in_h;
    clipped.kernel_w = w->kernel_w < w->in_w ? w->kernel_w : w->in_w;
    return window_work(&clipped, w->in_c);
}

/* Of an accepted step, roughly.  Where it matters most, sizes of tensors do not bound it: a small image may meet a
 * large filter at every pixel. */
static double step_work(const groat_t *net, const groat_step *step)
{
    const groat_call call = {net, step};
    const void *params = groat_params(&call);
    double elements = 0;
    for (uint32_t i = 0; i < (uint32_t)step->inputs + step->outputs; i++) {
        elements += groat_elements(groat_arg_tensor(&call, i));
    }
    switch (step->op) {
    case GROAT_OP_CONV_2D: {
        const groat_conv_2d_params *p = params;
        return elements + window_work(&p->window, (double)p->window.in_c * (1.0 + p->out_c / p->groups) + p->groups);
    }
    case GROAT_OP_DEPTHWISE_CONV_2D: {
        const groat_depthwise_conv_2d_params *p = params;
        return elements + window_work(&p->window, 2.0 * p->out_c);
    }
    case GROAT_OP_FULLY_CONNECTED: {
        const groat_fully_connected_params *p = params;
        return elements + (double)p->batches * p->depth * p->out_c;
    }
    case GROAT_OP_CONV_2D_INT16: {
        const groat_conv_2d_int16_params *p = params;
        return elements + window_work(&p->window, (double)p->window.in_c * (1.0 + p->out_c / p->groups) + p->groups);
    }
    case GROAT_OP_DEPTHWISE_CONV_2D_INT16: {
        const groat_depthwise_conv_2d_int16_params *p = params;
        return elements + window_work(&p->window, 2.0 * p->out_c);
    }
    case GROAT_OP_FULLY_CONNECTED_INT16: {
        const groat_fully_connected_int16_params *p = params;
        return elements + (double)p->batches * p->depth * p->out_c;
    }
    /* The parameters of float16 are those of float32 in another struct. */
    case GROAT_OP_CONV_2D_FLOAT32:
    case GROAT_OP_CONV_2D_FLOAT16: {
        const groat_conv_2d_float32_params *p = params;
        return elements + window_work(&p->window, (double)p->window.in_c * (1.0 + p->out_c / p->groups) + p->groups);
    }
    case GROAT_OP_DEPTHWISE_CONV_2D_FLOAT32:
    case GROAT_OP_DEPTHWISE_CONV_2D_FLOAT16: {
        const groat_depthwise_conv_2d_float32_params *p = params;
        return elements + window_work(&p->window, 2.0 * p->out_c);
    }
    case GROAT_OP_FULLY_CONNECTED_FLOAT32:
    case GROAT_OP_FULLY_CONNECTED_FLOAT16: {
        const groat_fully_connected_float32_params *p = params;
        return elements + (double)p->batches * p->depth * p->out_c;
    }
    case GROAT_OP_CONV_2D_WEIGHT_GRAD_FLOAT32:
    case GROAT_OP_CONV_2D_WEIGHT_GRAD_FLOAT16: {
        const groat_conv_2d_weight_grad_float32_params *p = params;
        return elements + window_work(&p->window, (double)p->window.in_c * (1.0 + p->out_c / p->groups) + p->groups);
    }
    case GROAT_OP_DEPTHWISE_CONV_2D_WEIGHT_GRAD_FLOAT32:
    case GROAT_OP_DEPTHWISE_CONV_2D_WEIGHT_GRAD_FLOAT16: {
        const groat_depthwise_conv_2d_weight_grad_float32_params *p = params;
        return elements + window_work(&p->window, 2.0 * p->out_c);
    }
    case GROAT_OP_FULLY_CONNECTED_WEIGHT_GRAD_FLOAT32:
    case GROAT_OP_FULLY_CONNECTED_WEIGHT_GRAD_FLOAT16: {
        const groat_fully_connected_weight_grad_float32_params *p = params;
        return elements + (double)p->batches * p->depth * p->out_c;
    }
    case GROAT_OP_CONV_2D_INPUT_GRAD_FLOAT32:
    case GROAT_OP_CONV_2D_INPUT_GRAD_FLOAT16: {
        const groat_conv_2d_input_grad_float32_params *p = params;
        return elements + window_work(&p->window, (double)p->window.in_c * (1.0 + p->out_c / p->groups) + p->groups);
    }
    case GROAT_OP_DEPTHWISE_CONV_2D_INPUT_GRAD_FLOAT32:
    case GROAT_OP_DEPTHWISE_CONV_2D_INPUT_GRAD_FLOAT16: {
        const groat_depthwise_conv_2d_input_grad_float32_params *p = params;
        return elements + window_work(&p->window, 2.0 * p->out_c);
    }
    case GROAT_OP_FULLY_CONNECTED_INPUT_GRAD_FLOAT32:
    case GROAT_OP_FULLY_CONNECTED_INPUT_GRAD_FLOAT16: {
        const groat_fully_connected_input_grad_float32_params *p = params;
        return elements + (double)p->batches * p->depth * p->out_c;
    }
    /* The parameters of all poolings of floats and of their gradients start with the window. */
    case GROAT_OP_AVERAGE_POOL_2D_FLOAT32:
    case GROAT_OP_AVERAGE_POOL_2D_FLOAT16:
    case GROAT_OP_MAX_POOL_2D_FLOAT32:
    case GROAT_OP_MAX_POOL_2D_FLOAT16:
    case GROAT_OP_AVERAGE_POOL_2D_GRAD_FLOAT32:
    case GROAT_OP_AVERAGE_POOL_2D_GRAD_FLOAT16:
    case GROAT_OP_MAX_POOL_2D_GRAD_FLOAT32:
    case GROAT_OP_MAX_POOL_2D_GRAD_FLOAT16:
    case GROAT_OP_MAX_POOL_2D_INDEX_FLOAT32:
    case GROAT_OP_MAX_POOL_2D_INDEX_FLOAT16:
        return elements + pool_work(params);
    case GROAT_OP_AVERAGE_POOL_2D_INT16:
        return elements + pool_work(&((const groat_average_pool_2d_int16_params *)params)->window);
    case GROAT_OP_MAX_POOL_2D_INT16:
        return elements + pool_work(&((const groat_max_pool_2d_int16_params *)params)->window);
    case GROAT_OP_AVERAGE_POOL_2D:
        return elements + pool_work(&((const groat_average_pool_2d_params *)params)->window);
    case GROAT_OP_MAX_POOL_2D:
        return elements + pool_work(&((const groat_max_pool_2d_params *)params)->window);
    default:
        return elements;
    }
}

static double work(const groat_t *net)
{
    const groat_program *program = groat_program_of(net, net->program);
    double sum = 0;
    for (uint32_t i = 0; i < program->step_count; i++) {
        sum += step_work(net, groat_step_of(net, program->first_step + i));
    }
    return sum;
}

/* ---- Running ------------------------------------------------------------------------------------- */

static void set_inputs(const groat_t *net, const uint8_t *bytes, size_t count)
{
    size_t position = 0;
    for (uint32_t i = 0; i < groat_input_count(net); i++) {
        uint8_t *input = groat_input(net, i);
        require((input == NULL) == groat_input_by_rows(net, i));
        if (input == NULL) {
            continue; /* read_row makes it */
        }
        for (uint32_t k = 0; k < groat_input_bytes(net, i); k++, position++) {
            input[k] = count > 0 ? bytes[position % count] : (uint8_t)(37 * position);
        }
    }
}

static void read_row(void *context, uint32_t index, uint32_t row, void *to, uint32_t bytes)
{
    (void)context;
    uint8_t *out = to;
    for (uint32_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(37 * index + 11 * row + i);
    }
}

static void write_row(void *context, uint32_t index, uint32_t row, const void *from, uint32_t bytes)
{
    (void)context;
    volatile uint8_t sink = (uint8_t)(index + row);
    const uint8_t *in = from;
    for (uint32_t i = 0; i < bytes; i++) {
        sink = (uint8_t)(sink ^ in[i]);
    }
}

static const groat_row_io row_io = {read_row, write_row, NULL};

/* Reads every byte that the API gives a pointer to. */
static void read_all(const groat_t *net)
{
    volatile uint8_t sink = 0;
    for (uint32_t id = 0; groat_tensor_at(net, id) != NULL; id++) {
        const uint8_t *bytes = groat_tensor_data(net, id);
        for (uint32_t i = 0; bytes != NULL && i < groat_tensor_bytes(net, id); i++) {
            sink = (uint8_t)(sink ^ bytes[i]);
        }
    }
    for (uint32_t i = 0; i < groat_output_count(net); i++) {
        const uint8_t *bytes = groat_output(net, i);
        require(groat_output_tensor(net, i) != NULL && groat_output_bytes(net, i) > 0);
        require((bytes == NULL) == groat_output_by_rows(net, i));
        for (uint32_t k = 0; bytes != NULL && k < groat_output_bytes(net, i); k++) {
            sink = (uint8_t)(sink ^ bytes[k]);
        }
    }
}

static void spoil(const groat_memory *memories, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        memset(memories[i].start, 0x81, memories[i].bytes);
    }
}

/* Runs a program at once and step by step: both must leave the same in all memories. */
static void run(const groat_t *net, const groat_memory *memories, uint32_t count, const uint8_t *inputs,
                size_t input_bytes)
{
    if (work(net) > WORK_MAX) {
        return;
    }
    spoil(memories, count);
    set_inputs(net, inputs, input_bytes);
    groat_run(net);
    read_all(net);
    uint8_t *results[GROAT_REGIONS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        results[i] = exact_block(memories[i].bytes);
        memcpy(results[i], memories[i].start, memories[i].bytes);
    }

    spoil(memories, count);
    set_inputs(net, inputs, input_bytes);
    for (uint32_t step = 0; step < groat_step_count(net); step++) {
        groat_run_step(net, step);
    }
    /* Pointers in scratch are those of the same blocks, so even they are equal. */
    for (uint32_t i = 0; i < count; i++) {
        require(memcmp(results[i], memories[i].start, memories[i].bytes) == 0);
        free(results[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > UINT16_MAX) {
        return 0;
    }
    uint8_t *model = exact_block(size);
    memcpy(model, data, size);
    uint32_t model_bytes = (uint32_t)size;
    groat_memory memories[GROAT_REGIONS_MAX];
    uint32_t count = 0;
    do { /* one at least, as groat_open gives one */
        uint32_t needed = groat_region_bytes(model, model_bytes, count);
        memories[count].bytes = needed < ARENA_MAX ? needed : ARENA_MAX;
        memories[count].start = exact_block(memories[count].bytes);
        count++;
    } while (count < GROAT_REGIONS_MAX && groat_region_bytes(model, model_bytes, count) > 0);

    groat_t net;
    (void)groat_check_crc(model, model_bytes);
    if (groat_open_regions(&net, model, model_bytes, memories, count) == GROAT_OK) {
        groat_set_row_io(&net, &row_io);
        uint32_t file_bytes = groat_header_of(&net)->file_bytes;
        for (uint32_t i = 0; i < PROGRAMS_MAX && groat_select(&net, i) == GROAT_OK; i++) {
            run(&net, memories, count, data + file_bytes, size - file_bytes);
        }
        require(memcmp(model, data, size) == 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        free(memories[i].start);
    }
    free(model);
    return 0;
}
