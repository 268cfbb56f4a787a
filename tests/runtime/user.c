/* SPDX-License-Identifier: Apache-2.0
 *
 * The public API as a C user has it: groat.h and nothing else.  For the address sanitizer's sake model and arena, or
 * its regions, are heap blocks of exactly the size they need.
 *
 *     user MODEL INPUTS OUTPUTS [MODEL INPUTS OUTPUTS] ...
 *
 * INPUTS holds all inputs of a run, one behind the other, for one run or more; OUTPUTS what must come out.  Every
 * model is tried alone, and each with its neighbour at the same time.  Ends with 1 at the first thing that is wrong.
 */
#define _POSIX_C_SOURCE 200112L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <groat/groat.h>

enum {
    ALIGN = 16,
    GUARD_BYTES = 64,
    GUARD = 0xA5
};

#define EXPECT(condition)                                                           \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                \
        }                                                                           \
    } while (0)

typedef struct blob {
    uint8_t *data;
    uint32_t bytes;
} blob;

typedef struct test_case {
    const char *name;
    blob model;
    blob inputs;
    blob outputs;
    groat_row_io io;
    const uint8_t *given; /* the input of a run that goes row by row */
    uint8_t received[1 << 12]; /* the output that does, */
    uint32_t rows; /* and how many rows of it came */
} test_case;

static uint8_t *aligned(size_t bytes)
{
    void *block = NULL;
    EXPECT(posix_memalign(&block, ALIGN, bytes > 0 ? bytes : 1) == 0);
    return block;
}

static blob read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    EXPECT(fseek(file, 0, SEEK_END) == 0);
    long length = ftell(file);
    EXPECT(length >= 0);
    rewind(file);
    blob content = {aligned((size_t)length), (uint32_t)length};
    EXPECT(fread(content.data, 1, content.bytes, file) == content.bytes);
    EXPECT(fclose(file) == 0);
    return content;
}

/* ---- Memory for models ---------------------------------------------------------------------------- */

/* For each region of a model. */
typedef struct arena {
    groat_memory regions[GROAT_REGIONS_MAX];
    uint32_t count;
} arena;

/* Of what a model needs, or of what each of two needs. */
static arena arena_of(const blob *model, const blob *other)
{
    arena found = {.count = 0};
    for (uint32_t i = 0; i < GROAT_REGIONS_MAX; i++) {
        uint32_t bytes = groat_region_bytes(model->data, model->bytes, i);
        uint32_t others = groat_region_bytes(other->data, other->bytes, i);
        bytes = others > bytes ? others : bytes;
        if (bytes > 0) {
            found.regions[found.count++] = (groat_memory){aligned(bytes), bytes};
        }
    }
    EXPECT(found.count > 0 && groat_region_bytes(model->data, model->bytes, found.count) == 0);
    EXPECT(groat_arena_bytes(model->data, model->bytes) == groat_region_bytes(model->data, model->bytes, 0));
    return found;
}

static void free_arena(arena *a)
{
    for (uint32_t i = 0; i < a->count; i++) {
        free(a->regions[i].start);
    }
}

static int open_in(groat_t *net, const blob *model, const arena *a)
{
    if (a->count == 1) {
        return groat_open(net, model->data, model->bytes, a->regions[0].start, a->regions[0].bytes);
    }
    return groat_open_regions(net, model->data, model->bytes, a->regions, a->count);
}

static int lies_in(const arena *a, const uint8_t *data, uint32_t bytes)
{
    int found = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        const uint8_t *start = a->regions[i].start;
        found += data >= start && data + bytes <= start + a->regions[i].bytes;
    }
    return found;
}

/* ---- Running ------------------------------------------------------------------------------------- */

static uint32_t frame_bytes(const groat_t *net, int outputs)
{
    uint32_t count = outputs ? groat_output_count(net) : groat_input_count(net);
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += outputs ? groat_output_bytes(net, i) : groat_input_bytes(net, i);
    }
    return bytes;
}

static uint32_t runs_of(const groat_t *net, const test_case *test)
{
    uint32_t runs = test->inputs.bytes / frame_bytes(net, 0);
    EXPECT(runs > 0 && test->inputs.bytes == runs * frame_bytes(net, 0));
    EXPECT(test->outputs.bytes == runs * frame_bytes(net, 1));
    return runs;
}

/* What goes row by row is the first input and the first output. */
static void read_row(void *context, uint32_t index, uint32_t row, void *to, uint32_t bytes)
{
    EXPECT(index == 0);
    memcpy(to, ((const test_case *)context)->given + row * bytes, bytes);
}

static void write_row(void *context, uint32_t index, uint32_t row, const void *from, uint32_t bytes)
{
    test_case *test = context;
    EXPECT(index == 0 && row == test->rows && (row + 1) * bytes <= sizeof test->received);
    test->rows++;
    memcpy(test->received + row * bytes, from, bytes);
}

static void set_inputs(groat_t *net, test_case *test, uint32_t run)
{
    uint8_t *from = test->inputs.data + run * frame_bytes(net, 0);
    test->given = from;
    test->rows = 0;
    memset(test->received, 0, sizeof test->received);
    test->io = (groat_row_io){.read = read_row, .write = write_row, .context = test};
    groat_set_row_io(net, &test->io);
    for (uint32_t i = 0; i < groat_input_count(net); i++) {
        EXPECT((groat_input(net, i) == NULL) == groat_input_by_rows(net, i));
        if (!groat_input_by_rows(net, i)) {
            memcpy(groat_input(net, i), from, groat_input_bytes(net, i));
        }
        from += groat_input_bytes(net, i);
    }
}

static void expect_outputs(const groat_t *net, const test_case *test, uint32_t run)
{
    const uint8_t *expected = test->outputs.data + run * frame_bytes(net, 1);
    for (uint32_t i = 0; i < groat_output_count(net); i++) {
        const uint8_t *found = groat_output_by_rows(net, i) ? test->received : groat_output(net, i);
        EXPECT((groat_output(net, i) == NULL) == groat_output_by_rows(net, i));
        for (uint32_t k = 0; k < groat_output_bytes(net, i); k++) {
            if (found[k] != expected[k]) {
                fprintf(stderr, "%s: run %u, output %u, byte %u: expected %d, found %d\n", test->name, (unsigned)run,
                        (unsigned)i, (unsigned)k, expected[k], found[k]);
                exit(1);
            }
        }
        expected += groat_output_bytes(net, i);
    }
}

/* What an arena holds before a run must not matter, but for the state. */
static void spoil(const groat_t *net, const arena *a, uint32_t run)
{
    uint32_t count = groat_state_count(net);
    uint8_t **kept = calloc(count + 1, sizeof *kept);
    for (uint32_t i = 0; i < count; i++) {
        kept[i] = aligned(groat_state_bytes(net, i));
        memcpy(kept[i], groat_state_data(net, i), groat_state_bytes(net, i));
    }
    for (uint32_t i = 0; i < a->count; i++) {
        memset(a->regions[i].start, run % 2 == 0 ? 0x80 : 0x7F, a->regions[i].bytes);
    }
    for (uint32_t i = 0; i < count; i++) {
        memcpy(groat_state_data(net, i), kept[i], groat_state_bytes(net, i));
        free(kept[i]);
    }
    free(kept);
}

static void check_runs(test_case *test)
{
    arena arena = arena_of(&test->model, &test->model);
    groat_t net;
    EXPECT(open_in(&net, &test->model, &arena) == GROAT_OK);
    uint8_t *before = aligned(test->model.bytes);
    memcpy(before, test->model.data, test->model.bytes);
    for (uint32_t by_steps = 0; by_steps < 2; by_steps++) {
        groat_reset_states(&net);
        for (uint32_t run = 0; run < runs_of(&net, test); run++) {
            spoil(&net, &arena, run + by_steps);
            set_inputs(&net, test, run);
            if (by_steps) {
                for (uint32_t step = 0; step < groat_step_count(&net); step++) {
                    groat_run_step(&net, step);
                }
                expect_outputs(&net, test, run);
                groat_run_step(&net, groat_step_count(&net));
                groat_run_step(&net, UINT32_MAX);
            } else {
                groat_run(&net);
            }
            expect_outputs(&net, test, run);
        }
    }
    EXPECT(memcmp(before, test->model.data, test->model.bytes) == 0);
    free(before);
    free_arena(&arena);
}

/* The same where no sanitizer looks: nothing around the regions is touched. */
static void check_guards(test_case *test)
{
    arena blocks = arena_of(&test->model, &test->model);
    arena inner = blocks;
    for (uint32_t i = 0; i < blocks.count; i++) {
        free(blocks.regions[i].start);
        uint8_t *block = aligned(GUARD_BYTES + blocks.regions[i].bytes + GUARD_BYTES);
        memset(block, GUARD, GUARD_BYTES + blocks.regions[i].bytes + GUARD_BYTES);
        blocks.regions[i].start = block;
        inner.regions[i].start = block + GUARD_BYTES;
    }
    groat_t net;
    EXPECT(open_in(&net, &test->model, &inner) == GROAT_OK);
    for (uint32_t i = 0; i < inner.count; i++) {
        const uint8_t *bytes = inner.regions[i].start;
        for (uint32_t k = 0; k < inner.regions[i].bytes; k++) {
            EXPECT(bytes[k] == GUARD); /* opening costs no memory */
        }
    }
    groat_reset_states(&net);
    set_inputs(&net, test, 0);
    groat_run(&net);
    expect_outputs(&net, test, 0);
    for (uint32_t i = 0; i < blocks.count; i++) {
        const uint8_t *block = blocks.regions[i].start;
        for (uint32_t k = 0; k < GUARD_BYTES; k++) {
            EXPECT(block[k] == GUARD && block[GUARD_BYTES + blocks.regions[i].bytes + k] == GUARD);
        }
    }
    free_arena(&blocks);
}

/* Step by step in turns: neither disturbs the other. */
static void check_two_at_once(test_case *a, test_case *b)
{
    test_case *tests[2] = {a, b};
    groat_t nets[2];
    arena arenas[2];
    for (int i = 0; i < 2; i++) {
        arenas[i] = arena_of(&tests[i]->model, &tests[i]->model);
        EXPECT(open_in(&nets[i], &tests[i]->model, &arenas[i]) == GROAT_OK);
        groat_reset_states(&nets[i]);
        set_inputs(&nets[i], tests[i], 0);
    }
    for (uint32_t step = 0; step < groat_step_count(&nets[0]) || step < groat_step_count(&nets[1]); step++) {
        groat_run_step(&nets[0], step);
        groat_run_step(&nets[1], step);
    }
    for (int i = 0; i < 2; i++) {
        expect_outputs(&nets[i], tests[i], 0);
    }
    free_arena(&arenas[0]);
    free_arena(&arenas[1]);

    /* Models that never run at the same time may share an arena, or one of more regions than they need. */
    arenas[0] = arena_of(&a->model, &b->model);
    for (int i = 0; i < 2; i++) {
        EXPECT(open_in(&nets[i], &tests[i]->model, &arenas[0]) == GROAT_OK);
    }
    for (int i = 0; i < 2; i++) {
        groat_reset_states(&nets[i]);
        set_inputs(&nets[i], tests[i], 0);
        groat_run(&nets[i]);
        expect_outputs(&nets[i], tests[i], 0);
    }
    free_arena(&arenas[0]);
}

/* ---- Wrong calls --------------------------------------------------------------------------------- */

static void check_wrong_arguments(test_case *test)
{
    const uint8_t *model = test->model.data;
    uint32_t bytes = test->model.bytes;
    arena right = arena_of(&test->model, &test->model);
    uint32_t arena_bytes = right.regions[0].bytes;
    uint8_t *arena = aligned(arena_bytes + ALIGN);
    groat_t net;
    EXPECT(groat_open(NULL, model, bytes, arena, arena_bytes) == GROAT_E_ARGUMENT);
    EXPECT(groat_open(&net, NULL, bytes, arena, arena_bytes) == GROAT_E_ARGUMENT);
    EXPECT(groat_open(&net, model, bytes, NULL, arena_bytes) == GROAT_E_ARGUMENT);
    EXPECT(groat_open_regions(&net, model, bytes, NULL, 1) == GROAT_E_ARGUMENT);
    for (uint32_t i = 0; i < right.count; i++) {
        EXPECT(groat_open_regions(&net, model, bytes, right.regions, i) == GROAT_E_ARENA_TOO_SMALL);
        struct arena wrong = right;
        wrong.regions[i].bytes--;
        EXPECT(groat_open_regions(&net, model, bytes, wrong.regions, right.count) == GROAT_E_ARENA_TOO_SMALL);
        wrong = right;
        wrong.regions[i].start = (uint8_t *)wrong.regions[i].start + 1;
        EXPECT(groat_open_regions(&net, model, bytes, wrong.regions, right.count) == GROAT_E_ALIGNMENT);
        wrong.regions[i].start = NULL;
        EXPECT(groat_open_regions(&net, model, bytes, wrong.regions, right.count) == GROAT_E_ARGUMENT);
    }
    free_arena(&right);
    EXPECT(groat_check_crc(NULL, bytes) == GROAT_E_ARGUMENT);
    EXPECT(groat_arena_bytes(NULL, bytes) == 0);
    for (uint32_t shift = 1; shift < ALIGN; shift++) {
        EXPECT(groat_open(&net, model, bytes, arena + shift, arena_bytes) == GROAT_E_ALIGNMENT);
    }
    EXPECT(groat_open(&net, model, bytes, arena, arena_bytes - 1) == GROAT_E_ARENA_TOO_SMALL);
    EXPECT(groat_open(&net, model, bytes, arena, 0) == GROAT_E_ARENA_TOO_SMALL);
    EXPECT(groat_open(&net, model, bytes - 1, arena, arena_bytes) == GROAT_E_TRUNCATED);
    EXPECT(groat_open(&net, model, 0, arena, arena_bytes) == GROAT_E_TRUNCATED);
    EXPECT(groat_check_crc(model, bytes - 1) == GROAT_E_TRUNCATED);
    EXPECT(groat_arena_bytes(model, bytes - 1) == 0);

    uint8_t *moved = aligned(bytes + ALIGN);
    for (uint32_t shift = 1; shift < ALIGN; shift++) {
        memcpy(moved + shift, model, bytes);
        EXPECT(groat_open(&net, moved + shift, bytes, arena, arena_bytes) == GROAT_E_ALIGNMENT);
        EXPECT(groat_check_crc(moved + shift, bytes) == GROAT_E_ALIGNMENT);
        EXPECT(groat_arena_bytes(moved + shift, bytes) == 0);
    }
    memcpy(moved, model, bytes);
    EXPECT(groat_check_crc(moved, bytes) == GROAT_OK);
    moved[bytes - 1] ^= 1;
    EXPECT(groat_check_crc(moved, bytes) == GROAT_E_CRC);
    moved[0] ^= 1;
    EXPECT(groat_open(&net, moved, bytes, arena, arena_bytes) == GROAT_E_MAGIC);
    free(moved);
    free(arena);
}

static void check_ranges(test_case *test)
{
    arena arena = arena_of(&test->model, &test->model);
    groat_t net;
    EXPECT(open_in(&net, &test->model, &arena) == GROAT_OK);
    const uint32_t beyond[] = {groat_input_count(&net) + groat_output_count(&net), 0xFFFE, 0xFFFF, UINT32_MAX};
    for (uint32_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        EXPECT(groat_input(&net, beyond[i]) == NULL && groat_output(&net, beyond[i]) == NULL);
        EXPECT(groat_input_tensor(&net, beyond[i]) == NULL && groat_output_tensor(&net, beyond[i]) == NULL);
        EXPECT(groat_input_bytes(&net, beyond[i]) == 0 && groat_output_bytes(&net, beyond[i]) == 0);
        EXPECT(groat_select(&net, beyond[i]) == GROAT_E_ARGUMENT);
    }
    EXPECT(groat_select(&net, 0) == GROAT_OK);

    uint32_t tensors = 0;
    for (; groat_tensor_at(&net, tensors) != NULL; tensors++) {
        const groat_tensor *tensor = groat_tensor_at(&net, tensors);
        const uint8_t *data = groat_tensor_data(&net, tensors);
        uint32_t bytes = groat_tensor_bytes(&net, tensors);
        uint32_t elements = 1;
        for (int i = 0; i < GROAT_RANK_MAX; i++) {
            elements *= tensor->dims[i];
        }
        const uint32_t sizes[] = {0, 1, 1, 4, 4, 2, 2}; /* by enum groat_dtype */
        EXPECT(tensor->dtype < sizeof sizes / sizeof sizes[0] && bytes == elements * sizes[tensor->dtype]);
        if (data == NULL) { /* some of its rows only, while its stream runs */
            EXPECT(tensor->line != GROAT_NONE && bytes > 0);
            continue;
        }
        int in_arena = lies_in(&arena, data, bytes);
        int in_model = data >= test->model.data && data + bytes <= test->model.data + test->model.bytes;
        EXPECT(bytes > 0 && in_arena + in_model == 1);
    }
    EXPECT(tensors >= groat_input_count(&net) + groat_output_count(&net));
    EXPECT(groat_tensor_data(&net, tensors) == NULL && groat_tensor_bytes(&net, tensors) == 0);
    EXPECT(groat_tensor_at(&net, UINT32_MAX) == NULL);
    for (uint32_t i = 0; i < groat_input_count(&net); i++) {
        const uint8_t *data = groat_input(&net, i);
        if (groat_input_by_rows(&net, i)) {
            continue;
        }
        EXPECT(lies_in(&arena, data, groat_input_bytes(&net, i)));
    }
    free_arena(&arena);
}

/* ---- Status texts -------------------------------------------------------------------------------- */

static void check_status_texts(void)
{
#define GROAT_STATUS(name, code, text) \
    EXPECT(GROAT_##name == (code));    \
    EXPECT(strcmp(groat_status_text(GROAT_##name), text) == 0);
#include "../../runtime/status.def"
#undef GROAT_STATUS
    EXPECT(GROAT_OK == 0);
    EXPECT(strlen(groat_status_text(1)) > 0 && strlen(groat_status_text(-9999)) > 0);
    EXPECT(strcmp(groat_status_text(-9999), groat_status_text(GROAT_OK)) != 0);
}

int main(int argc, char **argv)
{
    EXPECT(argc > 1 && argc % 3 == 1);
    int count = argc / 3;
    test_case *tests = calloc((size_t)count, sizeof *tests);
    EXPECT(tests != NULL);
    for (int i = 0; i < count; i++) {
        char **files = argv + 1 + 3 * i;
        tests[i] = (test_case){
            .name = files[0],
            .model = read_file(files[0]),
            .inputs = read_file(files[1]),
            .outputs = read_file(files[2]),
        };
    }
    check_status_texts();
    for (int i = 0; i < count; i++) {
        EXPECT(groat_check_crc(tests[i].model.data, tests[i].model.bytes) == GROAT_OK);
        check_wrong_arguments(&tests[i]);
        check_ranges(&tests[i]);
        check_runs(&tests[i]);
        check_guards(&tests[i]);
        check_two_at_once(&tests[i], &tests[(i + 1) % count]);
    }
    for (int i = 0; i < count; i++) {
        free(tests[i].model.data);
        free(tests[i].inputs.data);
        free(tests[i].outputs.data);
    }
    free(tests);
    printf("%d models: all as the header says\n", count);
    return 0;
}
