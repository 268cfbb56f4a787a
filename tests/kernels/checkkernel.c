/* SPDX-License-Identifier: Apache-2.0
 *
 * Holds kernels to their contract (runtime/kernels/README.md), on the host and on every emulated core.
 *
 * Cases come through the port's channel, from casefile.py, which knows their format and judges the answers: arrays with
 * their contents and where they are to lie, the arguments of a call, and the same arrays as they must look afterwards.
 * This program lays the arrays out with guard bytes around each, calls the kernel, counts, and compares every byte.
 * It knows no kernel: calls.h, which casefile.py makes from kernels.def, turns the values of a case into arguments.
 */
#include <stddef.h>
#include <stdint.h>

#include "firmware/port/port.h"
#include "runtime/kernels/float.h"
#include "runtime/kernels/select.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef HAS_ADDRESS_SANITIZER
void __asan_poison_memory_region(const volatile void *start, size_t bytes);
void __asan_unpoison_memory_region(const volatile void *start, size_t bytes);
#else
#define __asan_poison_memory_region(start, bytes) ((void)(start), (void)(bytes))
#define __asan_unpoison_memory_region(start, bytes) ((void)(start), (void)(bytes))
#endif

enum {
    GUARD_BYTES = 32,
    ALIGN = 16,
    ARRAYS_MAX = 24,
    VALUES_MAX = 40,
    PIECE_BYTES = 64 /* of what is read for comparison at once */
};

/* ---- What casefile.py sends, in words of 32 bits ------------------------------------------------- */

typedef struct case_header {
    uint32_t kernel;  /* index in `entries`; END_OF_CASES ends the program */
    uint32_t purpose; /* enum purpose */
    uint32_t seed;    /* of guards and scratch */
    uint32_t arrays;
    uint32_t values;
    uint32_t after_bytes; /* of what the arrays must look like afterwards, behind the values */
    uint32_t more_rows;   /* output rows that the arrays are for, beside the first */
} case_header;

#define END_OF_CASES 0xffffffffu

enum purpose {
    RUN = 0,      /* the constants are valid: check must accept them */
    DOUBTFUL = 1, /* they may not be: the kernel is run only if check accepts them */
    NEEDS = 2     /* no arrays: only what `needs` answers */
};

typedef struct array_header {
    uint32_t kind;    /* enum array_kind */
    uint32_t bytes;   /* of the contents that follow */
    uint32_t residue; /* its address modulo 16 */
} array_header;

enum array_kind {
    DATA = 0,     /* contents follow; compared afterwards with what follows behind the values */
    FREE = 1,     /* contents follow; the kernel may leave anything there */
    POINTERS = 2 /* pairs of words, array and offset, that become pointers */
};

typedef struct case_value {
    uint32_t kind; /* enum value_kind */
    uint32_t word; /* the number, or the array pointed into */
    uint32_t offset;
} case_value;

enum value_kind {
    NUMBER = 0,
    POINTER = 1,
    NOTHING = 2, /* a null pointer */
    SCRATCH = 3  /* a pointer to as many bytes as `needs` says */
};

/* What is answered to each case. */
typedef struct answer {
    uint32_t status;   /* enum status */
    uint32_t array;    /* of the difference, with its place in it; of a guard, the array before it */
    int32_t place;
    uint32_t expected;
    uint32_t found;
    uint32_t known;    /* what `needs` returned, */
    uint32_t valid;    /* and `check` */
    uint32_t reserved;
    uint64_t ticks;
    uint64_t weights_bytes;
    uint64_t channels_bytes;
    uint64_t scratch_bytes;
} answer;

enum status {
    EQUAL = 0,
    DIFFERS = 1,
    WROTE_OUTSIDE = 2,
    TOO_LARGE = 3, /* for the memory here */
    NOT_RUN = 4    /* needs or check refused, or nothing was to be run */
};

/* ---- Calls ----------------------------------------------------------------------------------------- */

/* A case's value as the generated calls read it: one of the two is meant. */
typedef struct value {
    void *pointer;
    uint32_t word;
} value;

typedef struct entry {
    void (*run)(const value *values);
    int (*needs)(const value *values, groat_needs *needs); /* null where the kernel has none, */
    int (*check)(const value *values);                     /* and so here */
} entry;

/* Immediately before and after the kernel.  Between them an address sanitizer sees the arrays alone. */
static void start(void);
static void stop(void);

/* The kernels of this build, unless a mutant stands in for one. */
static const groat_kernel_table *kernels = &groat_kernels;

#include "mutants.h"

#include "calls.h"

/* ---- Memory ---------------------------------------------------------------------------------------- */

typedef struct stretch {
    uint8_t *start;
    uint32_t bytes;
    uint32_t kind;
} stretch;

static stretch arrays[ARRAYS_MAX];
static uint32_t array_count;
static uint8_t *next_free; /* behind the last array */
static uint32_t seed;
static uint64_t ticks_before;
static uint64_t ticks;
static uint64_t idle_ticks; /* of start and stop alone */

static _Noreturn void give_up(const char *why)
{
    groat_print("checkkernel: ");
    groat_print(why);
    groat_print("\n");
    groat_exit(4);
}

static void receive(void *to, uint32_t bytes)
{
    if (bytes > 0 && groat_channel_read(to, bytes) != 0) {
        give_up("the cases end too early");
    }
}

static void skip(uint32_t bytes)
{
    uint8_t piece[PIECE_BYTES];
    for (uint32_t count; bytes > 0; bytes -= count) {
        count = bytes < PIECE_BYTES ? bytes : PIECE_BYTES;
        receive(piece, count);
    }
}

/* Where arrays are put. */
static uint8_t *memory(void)
{
    return groat_memories[0].start;
}

/* What stands at a place that belongs to no array, or to one that nothing was put into. */
static uint8_t noise(const uint8_t *place)
{
    uint32_t x = (uint32_t)(place - memory()) * 2654435761u ^ seed;
    return (uint8_t)((x ^ x >> 15) * 2246822519u >> 24);
}

static void fill_with_noise(uint8_t *from, const uint8_t *end)
{
    for (; from < end; from++) {
        *from = noise(from);
    }
}

/* Room for an array behind the last one and its guard; 0 if there is none. */
static int take(uint32_t bytes, uint32_t residue, uint32_t kind)
{
    uintptr_t at = ((uintptr_t)next_free + GUARD_BYTES + ALIGN - 1) / ALIGN * ALIGN + residue;
    uint8_t *from = next_free + (at - (uintptr_t)next_free);
    uintptr_t end = (uintptr_t)memory() + groat_memories[0].bytes;
    if (array_count == ARRAYS_MAX) {
        give_up("too many arrays");
    }
    if (at + GUARD_BYTES > end || end - at - GUARD_BYTES < bytes) {
        return 0;
    }
    fill_with_noise(next_free, from);
    arrays[array_count++] = (stretch){from, bytes, kind};
    next_free = from + bytes;
    return 1;
}

static void start(void)
{
    __asan_poison_memory_region(memory(), groat_memories[0].bytes);
    for (uint32_t i = 0; i < array_count; i++) {
        __asan_unpoison_memory_region(arrays[i].start, arrays[i].bytes);
    }
    ticks_before = groat_counter_read();
}

static void stop(void)
{
    ticks = groat_counter_since(ticks_before);
    __asan_unpoison_memory_region(memory(), groat_memories[0].bytes);
}

/* ---- A case ---------------------------------------------------------------------------------------- */

/* Reads all arrays; 0 if one finds no room, in which case the rest is skipped. */
static int receive_arrays(uint32_t count)
{
    int fits = 1;
    for (uint32_t i = 0; i < count; i++) {
        array_header header;
        receive(&header, sizeof header);
        uint32_t pointers = header.kind == POINTERS ? header.bytes / 8 : 0;
        uint32_t bytes = header.kind == POINTERS ? pointers * (uint32_t)sizeof(void *) : header.bytes;
        fits = fits && take(bytes, header.residue, header.kind);
        if (!fits) {
            skip(header.bytes);
        } else if (header.kind == POINTERS) {
            for (uint32_t p = 0; p < pointers; p++) {
                uint32_t where[2];
                receive(where, sizeof where);
                ((void **)(void *)arrays[i].start)[p] = arrays[where[0]].start + where[1];
            }
        } else {
            receive(arrays[i].start, bytes);
        }
    }
    return fits;
}

/* Returns the number of the value that is to point to scratch; `count` if none is. */
static uint32_t receive_values(uint32_t count, value *values, int fits)
{
    uint32_t scratch = count;
    if (count > VALUES_MAX) {
        give_up("too many values");
    }
    for (uint32_t i = 0; i < count; i++) {
        case_value v;
        receive(&v, sizeof v);
        values[i].word = v.word;
        values[i].pointer = v.kind == POINTER && fits ? arrays[v.word].start + v.offset : NULL;
        scratch = v.kind == SCRATCH ? i : scratch;
    }
    return scratch;
}

/* Behind all other arrays; 0 if there is no room. */
static int take_scratch(uint64_t bytes, value *to)
{
    if (bytes > UINT32_MAX || !take((uint32_t)bytes, 0, FREE)) {
        return 0;
    }
    fill_with_noise(next_free - bytes, next_free);
    to->pointer = bytes > 0 ? next_free - bytes : NULL;
    return 1;
}

static void report(answer *a, uint32_t status, uint32_t array, int32_t place, uint32_t expected, uint32_t found)
{
    if (a->status == EQUAL) {
        a->status = status;
        a->array = array;
        a->place = place;
        a->expected = expected;
        a->found = found;
    }
}

/* Reads what every array must hold now, and compares. */
static void compare_arrays(answer *a)
{
    for (uint32_t i = 0; i < array_count; i++) {
        uint8_t piece[PIECE_BYTES];
        if (arrays[i].kind != DATA) {
            continue;
        }
        for (uint32_t done = 0, count; done < arrays[i].bytes; done += count) {
            count = arrays[i].bytes - done < PIECE_BYTES ? arrays[i].bytes - done : PIECE_BYTES;
            receive(piece, count);
            for (uint32_t n = 0; n < count; n++) {
                if (arrays[i].start[done + n] != piece[n]) {
                    report(a, DIFFERS, i, (int32_t)(done + n), piece[n], arrays[i].start[done + n]);
                }
            }
        }
    }
}

/* All that lies between arrays must be as it was. */
static void compare_guards(answer *a)
{
    const uint8_t *place = memory();
    const uint8_t *end = next_free + GUARD_BYTES;
    uint32_t before = 0;
    while (place < end) {
        const stretch *inside = NULL;
        for (uint32_t i = 0; i < array_count && inside == NULL; i++) {
            inside = place >= arrays[i].start && place < arrays[i].start + arrays[i].bytes ? &arrays[i] : NULL;
        }
        if (inside != NULL) {
            before = (uint32_t)(inside - arrays);
            place = inside->start + inside->bytes;
            continue;
        }
        if (*place != noise(place)) {
            report(a, WROTE_OUTSIDE, before, (int32_t)(place - arrays[before].start), noise(place), *place);
        }
        place++;
    }
}

static void ask(const case_header *header, const value *values, answer *a)
{
    const entry *e = &entries[header->kernel];
    groat_needs needs = {0, 0, 0, 0};
    a->known = e->needs == NULL || e->needs(values, &needs);
    a->weights_bytes = needs.weights_bytes;
    a->channels_bytes = needs.channels_bytes;
    a->scratch_bytes = needs.scratch_bytes;
    /* An op would not call it with other rows than these. */
    a->known = a->known && (header->purpose == NEEDS || needs.more_rows == header->more_rows);
}

/* Whether the array that a pointer is to the start of has so many bytes. */
static int holds(const value *pointer, uint64_t bytes)
{
    for (uint32_t i = 0; i < array_count; i++) {
        if (arrays[i].start == pointer->pointer) {
            return arrays[i].bytes >= bytes;
        }
    }
    return bytes == 0;
}

/* Constants are looked at where the kernel's op would: before they are trusted, and after their lengths, which a
 * layout decides as well.  Weights and channels' constants are the first two values. */
static uint32_t is_valid(const case_header *header, const value *values, const answer *a)
{
    const entry *e = &entries[header->kernel];
    if (e->needs != NULL && !(holds(&values[0], a->weights_bytes) && holds(&values[1], a->channels_bytes))) {
        return 0;
    }
    return e->check == NULL || e->check(values);
}

static void run_case(const case_header *header, answer *a)
{
    value values[VALUES_MAX];
    seed = header->seed;
    array_count = 0;
    next_free = memory();
    int fits = receive_arrays(header->arrays);
    uint32_t scratch = receive_values(header->values, values, fits);
    a->status = fits ? NOT_RUN : TOO_LARGE;
    if (fits) {
        ask(header, values, a);
        if (a->known && header->purpose != NEEDS) {
            fits = scratch == header->values || take_scratch(a->scratch_bytes, &values[scratch]);
            a->status = fits ? NOT_RUN : TOO_LARGE;
            a->valid = fits && is_valid(header, values, a);
        }
    }
    if (!a->valid) {
        skip(header->after_bytes);
        return;
    }
    a->status = EQUAL;
    fill_with_noise(next_free, next_free + GUARD_BYTES);
    entries[header->kernel].run(values);
    a->ticks = ticks > idle_ticks ? ticks - idle_ticks : 0;
    compare_arrays(a);
    compare_guards(a);
}

/* Word by word: a compiler must not make a call of a library of it, which not every target links. */
static void clear(answer *a)
{
    for (uint32_t i = 0; i < sizeof *a / sizeof(uint32_t); i++) {
        ((volatile uint32_t *)(void *)a)[i] = 0;
    }
}

int main(void)
{
    if (groat_channel_open() != 0) {
        give_up("there are no cases: groat.in cannot be opened");
    }
    uint32_t mutant; /* the first word: 0, or the number of one */
    receive(&mutant, sizeof mutant);
    kernels = table_with_mutant(mutant);
    groat_counter_start();
    start();
    stop();
    idle_ticks = ticks;
    for (;;) {
        case_header header;
        answer a;
        clear(&a);
        receive(&header, sizeof header);
        if (header.kernel == END_OF_CASES) {
            return 0;
        }
        if (header.kernel >= sizeof entries / sizeof entries[0]) {
            give_up("there is no kernel of that number");
        }
        run_case(&header, &a);
        if (groat_channel_write(&a, sizeof a) != 0) {
            give_up("the answers cannot be written");
        }
    }
}
