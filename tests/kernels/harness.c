/* SPDX-License-Identifier: Apache-2.0
 *
 * See harness.h.  It stands on firmware/port/port.h alone, and is small enough for 16 KiB of RAM.
 */
#include "harness.h"

#include <stddef.h>

#include "../../firmware/port/port.h"

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
#define __asan_poison_memory_region(start, bytes) (void)0
#define __asan_unpoison_memory_region(start, bytes) (void)0
#endif

enum {
    MEMORY_BYTES = 4608,
    GUARD_BYTES = 32,
    ALIGN = 16,
    ARRAYS_MAX = 16
};

static _Alignas(ALIGN) uint8_t memory[MEMORY_BYTES];
static _Alignas(ALIGN) uint8_t expected[MEMORY_BYTES];
static uint32_t used;

typedef struct stretch {
    uint32_t start;
    uint32_t bytes;
} stretch;

static stretch arrays[ARRAYS_MAX];
static uint32_t array_count;
static stretch output;
static stretch scratch;

static uint64_t state;
static uint64_t ticks_before;
static uint32_t ticks;

/* ---- Random choices ------------------------------------------------------------------------------ */

uint32_t random_bits(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

int32_t random_between(int32_t low, int32_t high)
{
    uint32_t span = (uint32_t)high - (uint32_t)low + 1u;
    return (int32_t)((uint32_t)low + (span != 0 ? random_bits() % span : random_bits()));
}

int random_one_in(uint32_t n)
{
    return random_bits() % n == 0;
}

int8_t random_hostile_s8(void)
{
    switch (random_bits() % 4) {
    case 0:
        return INT8_MIN;
    case 1:
        return INT8_MAX;
    default:
        return (int8_t)random_between(INT8_MIN, INT8_MAX);
    }
}

/* ---- Memory -------------------------------------------------------------------------------------- */

void harness_begin(uint32_t seed)
{
    state = seed;
    for (uint32_t i = 0; i < MEMORY_BYTES; i++) {
        memory[i] = (uint8_t)random_bits();
    }
    used = 0;
    array_count = 0;
    scratch.bytes = 0;
}

static int holds(stretch range, uint32_t position)
{
    return position - range.start < range.bytes;
}

static void *take_at(uint32_t start, uint32_t bytes)
{
    used = start + bytes;
    if (array_count == ARRAYS_MAX || used + GUARD_BYTES > MEMORY_BYTES) {
        print_number("checkkernel: a case wants too much memory: ", (int32_t)used);
        groat_print("\n");
        groat_exit(4);
    }
    arrays[array_count++] = (stretch){start, bytes};
    return memory + start;
}

void *take_aligned(uint32_t bytes)
{
    return take_at((used + GUARD_BYTES + ALIGN - 1) / ALIGN * ALIGN, bytes);
}

void *take_scratch(uint32_t bytes)
{
    uint8_t *start = take_aligned(bytes);
    scratch = (stretch){(uint32_t)(start - memory), bytes};
    return start;
}

void *take(uint32_t bytes)
{
    return take_at(used + GUARD_BYTES + random_bits() % ALIGN, bytes);
}

static int8_t *make_hostile(int8_t *array, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        array[i] = random_hostile_s8();
    }
    return array;
}

int8_t *take_s8(uint32_t count)
{
    return make_hostile(take(count), count);
}

int8_t *take_aligned_s8(uint32_t count)
{
    return make_hostile(take_aligned(count), count);
}

void *twin(void *address)
{
    return expected + ((uint8_t *)address - memory);
}

/* ---- Running ------------------------------------------------------------------------------------- */

void harness_arm(void *start, uint32_t bytes)
{
    output = (stretch){(uint32_t)((uint8_t *)start - memory), bytes};
    for (uint32_t i = 0; i < MEMORY_BYTES; i++) {
        expected[i] = memory[i];
    }
}

void harness_start(void)
{
    __asan_poison_memory_region(memory, MEMORY_BYTES);
    for (uint32_t i = 0; i < array_count; i++) {
        __asan_unpoison_memory_region(memory + arrays[i].start, arrays[i].bytes);
    }
    ticks_before = groat_counter_read();
}

void harness_stop(void)
{
    ticks = (uint32_t)groat_counter_since(ticks_before);
    __asan_unpoison_memory_region(memory, MEMORY_BYTES);
}

uint32_t harness_ticks(void)
{
    return ticks;
}

int harness_agrees(const char *kernel, uint32_t number, uint32_t seed)
{
    for (uint32_t i = 0; i < MEMORY_BYTES; i++) {
        if (memory[i] == expected[i] || holds(scratch, i)) {
            continue;
        }
        groat_print("checkkernel: ");
        groat_print(kernel);
        print_number(": case ", (int32_t)number);
        groat_print_hex(", seed ", seed);
        if (holds(output, i)) {
            print_number(": element ", (int32_t)(i - output.start));
        } else {
            print_number(": wrote outside its output, at element ", (int32_t)i - (int32_t)output.start);
        }
        print_number(": expected ", (int8_t)expected[i]);
        print_number(", found ", (int8_t)memory[i]);
        groat_print("\n");
        return 0;
    }
    return 1;
}

void print_number(const char *text, int32_t number)
{
    char digits[12];
    char *end = digits + sizeof digits - 1;
    uint32_t rest = number < 0 ? 0u - (uint32_t)number : (uint32_t)number;
    *end = 0;
    do {
        *--end = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (number < 0) {
        *--end = '-';
    }
    groat_print(text);
    groat_print(end);
}
