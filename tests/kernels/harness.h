/* SPDX-License-Identifier: Apache-2.0
 *
 * What holds a kernel to its contract: random data in one stretch of memory with guard bytes between the arrays,
 * and a twin of that memory as it must look after the kernel has run.
 *
 * A case takes its arrays, fills them, arms the harness, lets the oracle write what it expects into the twin, and
 * runs the kernel.  Then the memory and its twin must be equal to the last byte: results, guards, constants, inputs.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdint.h>

/* Starts a case: all memory becomes random, guards included.  The same seed gives the same case. */
void harness_begin(uint32_t seed);

/* ---- Random choices ---------------------------------------------------------------------------- */

uint32_t random_bits(void);

/* Both ends included. */
int32_t random_between(int32_t low, int32_t high);

/* 1 in `n` times. */
int random_one_in(uint32_t n);

/* An int8 that is often one of the two extremes. */
int8_t random_hostile_s8(void);

/* ---- Memory ------------------------------------------------------------------------------------ */

/* An array at an odd address, or any other; its contents are random.  Never null: a case that wants more than
 * there is ends the program. */
void *take(uint32_t bytes);

/* The same at a multiple of 16, as constants lie. */
void *take_aligned(uint32_t bytes);

/* Like take_aligned; the kernel may leave anything there. */
void *take_scratch(uint32_t bytes);

/* An array of hostile int8 values. */
int8_t *take_s8(uint32_t count);
int8_t *take_aligned_s8(uint32_t count);

/* Where the oracle writes what the kernel must write to `address`. */
void *twin(void *address);

/* ---- Running ----------------------------------------------------------------------------------- */

/* All arrays are filled: from here on only the kernel may write to them.  Says which bytes are its output. */
void harness_arm(void *output, uint32_t bytes);

/* Immediately before and after the kernel.  Between them an address sanitizer sees the arrays alone. */
void harness_start(void);
void harness_stop(void);

/* Ticks between the two; 0 where there is no counter. */
uint32_t harness_ticks(void);

/* Compares memory and twin; 0 after printing the first difference. */
int harness_agrees(const char *kernel, uint32_t number, uint32_t seed);

/* Prints `text`, then a number. */
void print_number(const char *text, int32_t number);

#endif
