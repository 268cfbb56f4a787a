/* SPDX-License-Identifier: Apache-2.0
 *
 * The firmware that serves one model: opens it, then does what the host asks (protocol.h).  Inputs are read
 * straight into the arena and outputs written straight from it, so that the server needs no memory of its own.
 */
#include <groat/groat.h>

#include "../port/port.h"
#include "measure.h"
#include "../serve/models.h"
#ifdef GROAT_LAYERS
#include "../layers/layers.h"
#endif

static groat_t net;
static groat_info info;

/* ---- The channel --------------------------------------------------------------------------------- */

/* Of a request whose host is gone, the rest is soon done: nothing more comes, and nothing goes. */

/* ---- Rows: they come and go over the channel, while the model runs ----------------------------------- */

#ifndef GROAT_NO_STREAMS
static void read_row(void *unused, uint32_t index, uint32_t row, void *to, uint32_t bytes)
{
    (void)unused;
    (void)index;
    (void)row;
#ifdef GROAT_ALIVE
    groat_work();
#endif
    (void)groat_channel_read(to, bytes);
}

static void write_row(void *unused, uint32_t index, uint32_t row, const void *from, uint32_t bytes)
{
    (void)unused;
    (void)index;
    (void)row;
#ifdef GROAT_ALIVE
    groat_work();
#endif
    (void)groat_channel_write(from, bytes);
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

static void do_open(void *served)
{
    const groat_served *s = served;
    info.open_status = groat_open_regions(&net, s->model, s->bytes, s->memories, info.memories);
}

static void do_run(void *unused)
{
    (void)unused;
#ifdef GROAT_ALIVE
    for (uint32_t step = 0; step < groat_step_count(&net); step++) {
        groat_run_step(&net, step);
        groat_work();
    }
#else
    groat_run(&net);
#endif
}

static void do_step(void *step)
{
    groat_run_step(&net, *(const uint32_t *)step);
}

int32_t groat_server_open(const groat_served *served)
{
    info.open_status = groat_check_crc(served->model, served->bytes);
    if (info.open_status == GROAT_OK) {
        info.open = groat_measure(do_open, (void *)served);
        groat_set_row_io(&net, &row_io);
#ifndef GROAT_NO_STATES
        if (info.open_status == GROAT_OK) {
            groat_reset_states(&net);
        }
#endif
    }
    return info.open_status;
}

void groat_server_close(int32_t status)
{
    info.open_status = status;
}

static void start(void)
{
    info.version = GROAT_PROTOCOL_VERSION;
    info.memories = (uint32_t)(groat_memories_end - groat_memories);
    info.stack_limit_bytes = groat_measure_limit();
    info.idle = groat_measure(do_nothing, 0);
#ifdef GROAT_SERVE
    groat_models_start();
#else
    const groat_served served = {groat_model_start, (uint32_t)(groat_model_end - groat_model_start), groat_memories};
    (void)groat_server_open(&served);
#endif
}

void groat_server_reply(int32_t status, uint32_t bytes)
{
    const groat_reply header = {status, bytes};
    (void)groat_channel_write(&header, sizeof header);
}

/* Reads what came with a request that is refused, so that the next one is found. */
void groat_server_refuse(const groat_request *request, int32_t status)
{
    uint32_t sink[16];
    for (uint32_t left = request->bytes; left > 0;) {
        uint32_t count = left < sizeof sink ? left : sizeof sink;
        if (groat_channel_read(sink, count) != 0) {
            return;
        }
        left -= count;
    }
    groat_server_reply(status, 0);
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
static int receive_inputs(void)
{
    int failed = 0;
    for (uint32_t i = 0; i < groat_input_count(&net); i++) {
        if (!groat_input_by_rows(&net, i)) {
            failed |= groat_channel_read(groat_input(&net, i), groat_input_bytes(&net, i));
        }
    }
    return failed;
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
        groat_server_refuse(request, GROAT_E_ARGUMENT);
        return;
    }
    (void)receive_inputs();
    groat_server_reply(GROAT_OK, 0);
}

static void serve_run(const groat_request *request)
{
    uint32_t outputs = groat_output_count(&net);
    uint64_t bytes = (uint64_t)request->argument * output_bytes();
    if (!is_input(request->argument, request->bytes) || bytes > UINT32_MAX) {
        groat_server_refuse(request, GROAT_E_ARGUMENT);
        return;
    }
    groat_server_reply(GROAT_OK, (uint32_t)bytes);
    for (uint32_t frame = 0; frame < request->argument && receive_inputs() == 0; frame++) {
        info.last = groat_measure(do_run, 0);
        for (uint32_t i = 0; i < outputs; i++) {
            if (!groat_output_by_rows(&net, i)) {
                (void)groat_channel_write(groat_output(&net, i), groat_output_bytes(&net, i));
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
        groat_server_refuse(request, GROAT_E_ARGUMENT);
        return;
    }
    measure_step(request->argument);
    groat_server_reply(GROAT_OK, 0);
}

static void serve_tensor(const groat_request *request)
{
    uint32_t bytes = groat_tensor_bytes(&net, request->argument);
    if (request->bytes != 0 || groat_tensor_data(&net, request->argument) == 0) {
        groat_server_refuse(request, GROAT_E_ARGUMENT);
        return;
    }
    groat_server_reply(GROAT_OK, bytes);
    (void)groat_channel_write(groat_tensor_data(&net, request->argument), bytes);
}

#ifndef GROAT_NO_STATES
static void serve_select(const groat_request *request)
{
    if (request->bytes != 0) {
        groat_server_refuse(request, GROAT_E_ARGUMENT);
        return;
    }
    groat_server_reply(groat_select(&net, request->argument), 0);
}

static void serve_reset(const groat_request *request)
{
    if (request->bytes != 0) {
        groat_server_refuse(request, GROAT_E_ARGUMENT);
        return;
    }
    groat_reset_states(&net);
    groat_server_reply(GROAT_OK, 0);
}

static void serve_state(const groat_request *request)
{
    if (request->bytes == 0 || request->bytes != groat_state_bytes(&net, request->argument)) {
        groat_server_refuse(request, GROAT_E_ARGUMENT);
        return;
    }
    (void)groat_channel_read(groat_state_data(&net, request->argument), request->bytes);
    groat_server_reply(GROAT_OK, 0);
}
#endif

/* Returns 0 when the host has no more wishes: firmware that serves goes on for ever. */
static int serve(const groat_request *request)
{
#ifndef GROAT_SERVE
    if (request->bytes == 0 && request->command == GROAT_COMMAND_EXIT) {
        groat_server_reply(GROAT_OK, 0);
        return 0;
    }
#endif
#ifdef GROAT_SERVE
    if (groat_models_serve(request)) {
        return 1;
    }
#endif
    if (request->bytes == 0 && request->command == GROAT_COMMAND_INFO) {
        groat_server_reply(GROAT_OK, sizeof info);
        (void)groat_channel_write(&info, sizeof info);
        return 1;
    }
    if (info.open_status != GROAT_OK) {
        groat_server_refuse(request, info.open_status);
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
        groat_server_refuse(request, GROAT_E_ARGUMENT);
        break;
    }
    return 1;
}

int main(void)
{
#ifdef GROAT_SERVE
    groat_start();
#endif
    groat_counter_start();
    if (groat_channel_open() != 0) {
        groat_print("groat: the files groat.in and groat.out cannot be opened\n");
        return GROAT_EXIT_CHANNEL;
    }
    start();
    groat_request request;
    do {
        while (groat_channel_read(&request, sizeof request) != 0) {
            if (groat_channel_renew() != 0) {
                return GROAT_EXIT_CHANNEL;
            }
        }
    } while (serve(&request));
    return GROAT_EXIT_OK;
}
