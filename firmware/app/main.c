/* SPDX-License-Identifier: Apache-2.0
 *
 * The firmware that serves one model: opens it, then does what the host asks (protocol.h).  Inputs are read
 * straight into the arena and outputs written straight from it, so that the server needs no memory of its own.
 */
#include <groat/groat.h>

#include "../port/port.h"
#include "measure.h"
#ifdef GROAT_LAYERS
#include "../layers/layers.h"
#endif

static groat_t net;
static groat_info info;

/* ---- The channel --------------------------------------------------------------------------------- */

static void receive(void *bytes, uint32_t count)
{
    if (groat_channel_read(bytes, count) != 0) {
        groat_exit(GROAT_EXIT_CHANNEL);
    }
}

static void send(const void *bytes, uint32_t count)
{
    if (groat_channel_write(bytes, count) != 0) {
        groat_exit(GROAT_EXIT_CHANNEL);
    }
}

/* ---- Rows: they come and go over the channel, while the model runs ----------------------------------- */

#ifndef GROAT_NO_STREAMS
static void read_row(void *unused, uint32_t index, uint32_t row, void *to, uint32_t bytes)
{
    (void)unused;
    (void)index;
    (void)row;
    receive(to, bytes);
}

static void write_row(void *unused, uint32_t index, uint32_t row, const void *from, uint32_t bytes)
{
    (void)unused;
    (void)index;
    (void)row;
    send(from, bytes);
}

static const groat_row_io row_io = {read_row, write_row, 0};
static const groat_row_io rows_in = {read_row, 0, 0};
#else
static const groat_row_io row_io = {0, 0, 0};
static const groat_row_io rows_in = {0, 0, 0};
#endif

/* ---- The calls that are measured ----------------------------------------------------------------- */

static void do_nothing(void *unused)
{
    (void)unused;
}

static void do_open(void *unused)
{
    (void)unused;
    info.open_status = groat_open_regions(&net, groat_model_start, (uint32_t)(groat_model_end - groat_model_start),
                                          groat_memories, info.memories);
}

static void do_run(void *unused)
{
    (void)unused;
    groat_run(&net);
}

static void do_step(void *step)
{
    groat_run_step(&net, *(const uint32_t *)step);
}

static void open_model(void)
{

    info.version = GROAT_PROTOCOL_VERSION;
    info.memories = (uint32_t)(groat_memories_end - groat_memories);
    info.stack_limit_bytes = groat_measure_limit();
    info.idle = groat_measure(do_nothing, 0);
    info.open_status = groat_check_crc(groat_model_start, (uint32_t)(groat_model_end - groat_model_start));
    if (info.open_status == GROAT_OK) {
        info.open = groat_measure(do_open, 0);
        groat_set_row_io(&net, &row_io);
#ifndef GROAT_NO_STATES
        if (info.open_status == GROAT_OK) {
            groat_reset_states(&net);
        }
#endif
    }
}

static void reply(int32_t status, uint32_t bytes)
{
    const groat_reply header = {status, bytes};
    send(&header, sizeof header);
}

/* Reads what came with a request that is refused, so that the next one is found. */
static void refuse(const groat_request *request, int32_t status)
{
    uint32_t sink[16];
    for (uint32_t left = request->bytes; left > 0;) {
        uint32_t count = left < sizeof sink ? left : sizeof sink;
        receive(sink, count);
        left -= count;
    }
    reply(status, 0);
}

/* ---- The commands -------------------------------------------------------------------------------- */

static uint32_t output_bytes(void)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < groat_output_count(&net); i++) {
        sum += groat_output_bytes(&net, i);
    }
    return sum;
}

/* Inputs that go row by row come later, as the run asks for them. */
static void receive_inputs(void)
{
    for (uint32_t i = 0; i < groat_input_count(&net); i++) {
        if (!groat_input_by_rows(&net, i)) {
            receive(groat_input(&net, i), groat_input_bytes(&net, i));
        }
    }
}

/* Bytes of the inputs that go row by row, or of the others. */
static uint32_t input_bytes(int by_rows)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < groat_input_count(&net); i++) {
        sum += groat_input_by_rows(&net, i) == by_rows ? groat_input_bytes(&net, i) : 0;
    }
    return sum;
}

/* `frames` times all inputs are `bytes` long. */
static int is_input(uint32_t frames, uint32_t bytes)
{
    return (uint64_t)frames * (input_bytes(0) + input_bytes(1)) == bytes;
}

static void serve_input(const groat_request *request)
{
    if (request->bytes != input_bytes(0)) {
        refuse(request, GROAT_E_ARGUMENT);
        return;
    }
    receive_inputs();
    reply(GROAT_OK, 0);
}

static void serve_run(const groat_request *request)
{
    uint32_t outputs = groat_output_count(&net);
    uint64_t bytes = (uint64_t)request->argument * output_bytes();
    if (!is_input(request->argument, request->bytes) || bytes > UINT32_MAX) {
        refuse(request, GROAT_E_ARGUMENT);
        return;
    }
    reply(GROAT_OK, (uint32_t)bytes);
    for (uint32_t frame = 0; frame < request->argument; frame++) {
        receive_inputs();
        info.last = groat_measure(do_run, 0);
        for (uint32_t i = 0; i < outputs; i++) {
            if (!groat_output_by_rows(&net, i)) {
                send(groat_output(&net, i), groat_output_bytes(&net, i));
            }
        }
    }
}

static void measure_step(uint32_t step)
{
    groat_set_row_io(&net, &rows_in);
#ifdef GROAT_LAYERS
    if (!groat_measure_layer(&net, step, &info.last))
#endif
    {
        info.last = groat_measure(do_step, &step);
    }
    groat_set_row_io(&net, &row_io);
}

static void serve_step(const groat_request *request)
{
    if ((request->bytes != 0 && request->bytes != input_bytes(1)) || request->argument >= groat_step_count(&net)) {
        refuse(request, GROAT_E_ARGUMENT);
        return;
    }
    measure_step(request->argument);
    reply(GROAT_OK, 0);
}

static void serve_tensor(const groat_request *request)
{
    uint32_t bytes = groat_tensor_bytes(&net, request->argument);
    if (request->bytes != 0 || groat_tensor_data(&net, request->argument) == 0) {
        refuse(request, GROAT_E_ARGUMENT);
        return;
    }
    reply(GROAT_OK, bytes);
    send(groat_tensor_data(&net, request->argument), bytes);
}

#ifndef GROAT_NO_STATES
static void serve_select(const groat_request *request)
{
    if (request->bytes != 0) {
        refuse(request, GROAT_E_ARGUMENT);
        return;
    }
    reply(groat_select(&net, request->argument), 0);
}

static void serve_reset(const groat_request *request)
{
    if (request->bytes != 0) {
        refuse(request, GROAT_E_ARGUMENT);
        return;
    }
    groat_reset_states(&net);
    reply(GROAT_OK, 0);
}

static void serve_state(const groat_request *request)
{
    if (request->bytes == 0 || request->bytes != groat_state_bytes(&net, request->argument)) {
        refuse(request, GROAT_E_ARGUMENT);
        return;
    }
    receive(groat_state_data(&net, request->argument), request->bytes);
    reply(GROAT_OK, 0);
}
#endif

/* Returns 0 when the host has no more wishes. */
static int serve(const groat_request *request)
{
    if (request->bytes == 0 && request->command == GROAT_COMMAND_EXIT) {
        reply(GROAT_OK, 0);
        return 0;
    }
    if (request->bytes == 0 && request->command == GROAT_COMMAND_INFO) {
        reply(GROAT_OK, sizeof info);
        send(&info, sizeof info);
        return 1;
    }
    if (info.open_status != GROAT_OK) {
        refuse(request, info.open_status);
        return 1;
    }
    switch (request->command) {
    case GROAT_COMMAND_INPUT:
        serve_input(request);
        break;
    case GROAT_COMMAND_RUN:
        serve_run(request);
        break;
    case GROAT_COMMAND_STEP:
        serve_step(request);
        break;
    case GROAT_COMMAND_TENSOR:
        serve_tensor(request);
        break;
#ifndef GROAT_NO_STATES
    case GROAT_COMMAND_SELECT:
        serve_select(request);
        break;
    case GROAT_COMMAND_RESET:
        serve_reset(request);
        break;
    case GROAT_COMMAND_STATE:
        serve_state(request);
        break;
#endif
    default:
        refuse(request, GROAT_E_ARGUMENT);
        break;
    }
    return 1;
}

int main(void)
{
    groat_counter_start();
    if (groat_channel_open() != 0) {
        groat_print("groat: the files groat.in and groat.out cannot be opened\n");
        return GROAT_EXIT_CHANNEL;
    }
    open_model();
    groat_request request;
    do {
        receive(&request, sizeof request);
    } while (serve(&request));
    return GROAT_EXIT_OK;
}
