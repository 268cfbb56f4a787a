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
    const uint8_t *model;
    uint8_t *arena;
    uint16_t program;           /* the one that groat_run runs */
} groat_t;

/* Checks everything in `model` once and binds it to `arena`; costs no memory beyond `net`.
 *
 *   model         the packed file, aligned to 16 bytes; must stay where it is while `net` is in use
 *   model_bytes   how many bytes may be read there; may exceed the file
 *   arena         aligned to 16 bytes; its contents belong to `net` from now on
 *   arena_bytes   at least groat_arena_bytes() of the model
 *
 * Returns GROAT_OK or why the model was refused; then `net` must not be used.  After GROAT_OK no later
 * call can read or write outside model and arena, whatever the file says.  The checksum is not computed
 * here: call groat_check_crc first when the bytes came over a wire. */
int groat_open(groat_t *net, const void *model, uint32_t model_bytes, void *arena, uint32_t arena_bytes);

/* Compares the checksum in the header with the bytes.  Returns GROAT_OK, GROAT_E_CRC, or why the header is no header. */
int groat_check_crc(const void *model, uint32_t model_bytes);

/* The arena that a packed model needs, in bytes, before it is opened; 0 if `model` is not a packed model. */
uint32_t groat_arena_bytes(const void *model, uint32_t model_bytes);

/* ---- Running ----------------------------------------------------------------------------------- */

/* Chooses the program that the calls below speak of: 0 to count - 1, in the file's order.  After groat_open it is 0. */
int groat_select(groat_t *net, uint32_t program);

/* How many inputs and outputs the program has. */
uint32_t groat_input_count(const groat_t *net);
uint32_t groat_output_count(const groat_t *net);

/* Their shape, element type and quantisation; null if `index` is out of range. */
const groat_tensor *groat_input_tensor(const groat_t *net, uint32_t index);
const groat_tensor *groat_output_tensor(const groat_t *net, uint32_t index);

/* Where to write an input; null if `index` is out of range.  A run may overwrite it: set all inputs before every run. */
void *groat_input(const groat_t *net, uint32_t index);

/* Where to read an output after a run; valid until the next run or the next write to an input; null if out of range. */
const void *groat_output(const groat_t *net, uint32_t index);

/* Their sizes in bytes; 0 if `index` is out of range. */
uint32_t groat_input_bytes(const groat_t *net, uint32_t index);
uint32_t groat_output_bytes(const groat_t *net, uint32_t index);

/* Runs the program from its first step to its last.  Cannot fail on a model that groat_open accepted. */
void groat_run(const groat_t *net);

/* ---- Looking inside ---------------------------------------------------------------------------- */

/* How many steps the program has, and one of them: to profile a model or to stop after a layer.
 * Running steps 0 to count - 1 in order is the same as groat_run.  groat_run_step ignores an index out of range. */
uint32_t groat_step_count(const groat_t *net);
void groat_run_step(const groat_t *net, uint32_t step);

/* Any tensor by its id in the file, and where its elements lie.  They are valid only from the step that
 * writes them to the last step that reads them.  Null or 0 if `id` is out of range. */
const groat_tensor *groat_tensor_at(const groat_t *net, uint32_t id);
const void *groat_tensor_data(const groat_t *net, uint32_t id);
uint32_t groat_tensor_bytes(const groat_t *net, uint32_t id);

#ifdef __cplusplus
}
#endif

#endif
