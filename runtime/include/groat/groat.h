/* SPDX-License-Identifier: Apache-2.0
 *
 * Groat: runs packed neural networks on microcontrollers.  This is the whole public interface.
 *
 *     static groat_t net;
 *     int status = groat_open(&net, model, sizeof model, arena, sizeof arena);
 *     ...
 *     memcpy(groat_input(&net, 0), image, groat_input_bytes(&net, 0));
 *     groat_run(&net);
 *     const int8_t *scores = groat_output(&net, 0);
 *
 * The caller owns every byte: the model (which may lie in flash and is never written), the arena, and the
 * small groat_t.  Nothing is allocated, no global changes, nothing is printed.  Several models may be open
 * at once; models that never run at the same time may share an arena, if the inputs are set again before each run.
 * Calls on one groat_t must not overlap in time.
 */
#ifndef GROAT_H
#define GROAT_H

#include <stdint.h>

#include "format.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Versions ---------------------------------------------------------------------------------- */

/* Of this library: major << 16 | minor << 8 | patch.  The file format has its own (format.h). */
#define GROAT_LIBRARY_VERSION 0x000100

/* ---- Status ------------------------------------------------------------------------------------ */

/* What a call returns: GROAT_OK, or one of the negative codes of status.def. */
enum groat_status {
#define GROAT_STATUS(name, code, text) GROAT_##name = code,
#include "../../status.def"
#undef GROAT_STATUS
    GROAT_STATUS_LIMIT = 1
};

/* A sentence for a status, in English; never null.  Firmware that does not call it does not carry the texts. */
const char *groat_status_text(int status);

/* ---- Opening ----------------------------------------------------------------------------------- */

/* An open model.  Fields are private: read them through the functions below. */
typedef struct groat {
    const uint8_t *base[1 + GROAT_REGIONS_MAX]; /* of the file, then of the regions */
    const struct groat_row_io *io;
    uint16_t program;           /* the one that groat_run runs */
} groat_t;

/* Checks everything in `model` once and binds it to `arena`; costs no memory beyond `net`.
 *
 *   model         the packed file, aligned to 16 bytes; must stay where it is while `net` is in use
 *   model_bytes   how many bytes may be read there; may exceed the file
 *   arena         aligned to 16 bytes; its contents belong to `net` from now on
 *   arena_bytes   at least groat_arena_bytes() of the model, which has one region; see "Several memories" otherwise
 *
 * Returns GROAT_OK or why the model was refused; then `net` must not be used.  After GROAT_OK no later
 * call can read or write outside model and arena, whatever the file says.  The checksum is not computed
 * here: call groat_check_crc first when the bytes came over a wire. */
int groat_open(groat_t *net, const void *model, uint32_t model_bytes, void *arena, uint32_t arena_bytes);

/* Compares the checksum in the header with the bytes.  Returns GROAT_OK, GROAT_E_CRC, or why the header is no header. */
int groat_check_crc(const void *model, uint32_t model_bytes);

/* The arena that a packed model needs, in bytes, before it is opened; 0 if `model` is not a packed model. */
uint32_t groat_arena_bytes(const void *model, uint32_t model_bytes);

/* ---- Several memories --------------------------------------------------------------------------- */

/* A model may be packed for several memories, fast and slow ones; it then has a region in each, in the order in which
 * `groat pack --memories` named them. */

/* Memory for one region, aligned to 16 bytes. */
typedef struct groat_memory {
    void *start;
    uint32_t bytes;
} groat_memory;

/* As groat_open, with a memory for each region: the first for the first, and so on.  They must not overlap; more than
 * the model needs are ignored. */
int groat_open_regions(groat_t *net, const void *model, uint32_t model_bytes, const groat_memory *memories,
                       uint32_t count);

/* What a region needs, in bytes, before the model is opened; 0 if `model` is not a packed model or has no such region.
 * groat_arena_bytes is that of region 0. */
uint32_t groat_region_bytes(const void *model, uint32_t model_bytes, uint32_t index);

/* ---- Running ----------------------------------------------------------------------------------- */

/* Chooses the program that the calls below speak of: 0 to count - 1, in the file's order.  After groat_open it is 0. */
int groat_select(groat_t *net, uint32_t program);

/* The number of the program of a name, such as "infer" or "train_step"; GROAT_NONE if the model has none of that name. */
uint32_t groat_find_program(const groat_t *net, const char *name);

/* How many inputs and outputs the program has. */
uint32_t groat_input_count(const groat_t *net);
uint32_t groat_output_count(const groat_t *net);

/* Their shape, element type and quantisation; null if `index` is out of range. */
const groat_tensor *groat_input_tensor(const groat_t *net, uint32_t index);
const groat_tensor *groat_output_tensor(const groat_t *net, uint32_t index);

/* Where to write an input; null if `index` is out of range, or the input goes row by row.  A run may overwrite it: set all inputs before every run. */
void *groat_input(const groat_t *net, uint32_t index);

/* Where to read an output after a run; valid until the next run or the next write to an input; null if out of range, or
 * the output goes row by row. */
const void *groat_output(const groat_t *net, uint32_t index);

/* Their sizes in bytes; 0 if `index` is out of range. */
uint32_t groat_input_bytes(const groat_t *net, uint32_t index);
uint32_t groat_output_bytes(const groat_t *net, uint32_t index);

/* Runs the program from its first step to its last.  Cannot fail on a model that groat_open accepted. */
void groat_run(const groat_t *net);

/* ---- Rows -------------------------------------------------------------------------------------- */

/* A model packed for rows has no memory for a whole image: its inputs come, and its outputs go, row by row while it
 * runs.  groat_input and groat_output of these are null. */

/* Asks for row `row` of input `index`: write `bytes` bytes to `to`.  Rows of an input come in order, each once. */
typedef void (*groat_read_row)(void *context, uint32_t index, uint32_t row, void *to, uint32_t bytes);

/* Gives row `row` of output `index`, which is there until the call returns.  Rows come in order, each once. */
typedef void (*groat_write_row)(void *context, uint32_t index, uint32_t row, const void *from, uint32_t bytes);

typedef struct groat_row_io {
    groat_read_row read;        /* may be null if no input goes row by row */
    groat_write_row write;      /* null: outputs that go row by row are dropped */
    void *context;              /* given to both */
} groat_row_io;

/* Who gives and takes rows in runs from now on; `io` must stay where it is.  Without it, inputs that go row by row are
 * what they were: nothing that means anything. */
void groat_set_row_io(groat_t *net, const groat_row_io *io);

/* 1 if that input or output goes row by row, else 0. */
int groat_input_by_rows(const groat_t *net, uint32_t index);
int groat_output_by_rows(const groat_t *net, uint32_t index);

/* ---- State -------------------------------------------------------------------------------------- */

/* A model that learns keeps its trained parameters, and what its optimizer remembers, in the arena from run to run,
 * whatever program runs; one that runs over a sequence, step by step, its variables.  groat_open leaves them as they are:
 * call groat_reset_states once in fresh memory, or restore what was committed (store.h).  Other models may share the arena
 * only behind them. */

/* Gives all of it the contents that the model was packed with. */
void groat_reset_states(const groat_t *net);

/* Gives only the variables their first contents: the next run begins a new sequence. */
void groat_reset_variables(const groat_t *net);

/* The trained parameters: one block, of which `bytes` becomes the length; null and 0 if the model has none. */
void *groat_parameters(const groat_t *net, uint32_t *bytes);

/* The tensors of which the state consists, in the order of their kinds; each in the order of its shape.  Null or 0 if `index` is out
 * of range. */
uint32_t groat_state_count(const groat_t *net);
const groat_tensor *groat_state_tensor(const groat_t *net, uint32_t index);
void *groat_state_data(const groat_t *net, uint32_t index);
uint32_t groat_state_bytes(const groat_t *net, uint32_t index);

/* ---- Looking inside ---------------------------------------------------------------------------- */

/* How many steps the program has, and one of them: to profile a model or to stop after a layer.
 * Running steps 0 to count - 1 in order is the same as groat_run.  Steps of a stream run with its first one.
 * An index out of range is ignored. */
uint32_t groat_step_count(const groat_t *net);
void groat_run_step(const groat_t *net, uint32_t step);

/* Any tensor by its id in the file, and where its elements lie.  They are valid only from the step that
 * writes them to the last step that reads them.  Null or 0 if `id` is out of range; data is also null of a tensor that
 * has memory for some of its rows only. */
const groat_tensor *groat_tensor_at(const groat_t *net, uint32_t id);
const void *groat_tensor_data(const groat_t *net, uint32_t id);
uint32_t groat_tensor_bytes(const groat_t *net, uint32_t id);

#ifdef __cplusplus
}
#endif

#endif
