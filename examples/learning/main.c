/* SPDX-License-Identifier: Apache-2.0
 *
 * A device that learns and may be switched off at any moment: a program with a file for flash.
 *
 *     learn MODEL.groat FLASH SAMPLES RATE
 *
 * SAMPLES holds, one behind the other, an input of the model and its label as int32.  Each start goes on from the
 * parameters that were committed last; kill the program whenever you like.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <groat/groat.h>
#include <groat/store.h>

enum {
    SECTOR_BYTES = 4096,
    PROGRAM_BYTES = 8,
    STEPS_PER_COMMIT = 100
};

/* ---- Flash: what a port has in place of this ------------------------------------------------------ */

static int read_file(void *context, uint32_t offset, void *to, uint32_t bytes)
{
    FILE *file = context;
    return fseek(file, (long)offset, SEEK_SET) == 0 && fread(to, 1, bytes, file) == bytes ? 0 : -1;
}

static int write_file(FILE *file, uint32_t offset, const void *from, uint32_t bytes)
{
    int done = fseek(file, (long)offset, SEEK_SET) == 0 && fwrite(from, 1, bytes, file) == bytes && fflush(file) == 0;
    return done ? 0 : -1;
}

static int erase_sector(void *context, uint32_t offset)
{
    uint8_t erased[SECTOR_BYTES];
    memset(erased, 0xFF, sizeof erased);
    return write_file(context, offset, erased, sizeof erased);
}

static int program_units(void *context, uint32_t offset, const void *from, uint32_t bytes)
{
    return write_file(context, offset, from, bytes);
}

/* ---- The rest is as on a device ------------------------------------------------------------------- */

static void *allocate(size_t bytes)
{
    void *memory = aligned_alloc(GROAT_ALIGN, (bytes + GROAT_ALIGN - 1) / GROAT_ALIGN * GROAT_ALIGN);
    if (memory == NULL) {
        fprintf(stderr, "learn: out of memory\n");
        exit(1);
    }
    return memory;
}

static FILE *open_file(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

static void require(int status, const char *what)
{
    if (status != GROAT_OK) {
        fprintf(stderr, "learn: %s: %s\n", what, groat_status_text(status));
        exit(1);
    }
}

static void *load(const char *path, uint32_t *bytes)
{
    FILE *file = open_file(path, "rb");
    fseek(file, 0, SEEK_END);
    *bytes = (uint32_t)ftell(file);
    rewind(file);
    void *data = allocate(*bytes);
    if (fread(data, 1, *bytes, file) != *bytes) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return data;
}

/* A file of `bytes` bytes, erased if it is new. */
static FILE *open_flash(const char *path, uint32_t bytes)
{
    FILE *file = fopen(path, "r+b");
    if (file == NULL) {
        file = open_file(path, "w+b");
        for (uint32_t offset = 0; offset < bytes; offset += SECTOR_BYTES) {
            erase_sector(file, offset);
        }
    }
    return file;
}

int main(int count, char **arguments)
{
    if (count != 5) {
        fprintf(stderr, "usage: learn MODEL.groat FLASH SAMPLES RATE\n");
        return 2;
    }
    uint32_t model_bytes, parameter_bytes;
    void *model = load(arguments[1], &model_bytes);
    const uint32_t arena_bytes = groat_arena_bytes(model, model_bytes);
    void *arena = allocate(arena_bytes);
    groat_t net;
    require(groat_open(&net, model, model_bytes, arena, arena_bytes), arguments[1]);

    groat_parameters(&net, &parameter_bytes);
    groat_flash flash = {.erase_bytes = SECTOR_BYTES,
                         .program_bytes = PROGRAM_BYTES,
                         .erased = 0xFF,
                         .read = read_file,
                         .erase = erase_sector,
                         .program = program_units};
    flash.bytes = groat_store_bytes(&flash, parameter_bytes);
    flash.context = open_flash(arguments[2], flash.bytes);
    int status = groat_restore(&net, &flash);
    printf("%" PRIu32 " bytes of parameters: %s\n", parameter_bytes,
           status == GROAT_OK ? "as they were committed last" : groat_status_text(status));

    require(groat_select(&net, groat_find_program(&net, "train_step")), "train_step");
    const float rate = strtof(arguments[4], NULL);
    const uint32_t input_bytes = groat_input_bytes(&net, 0);
    FILE *samples = open_file(arguments[3], "rb");
    float sum = 0;
    for (uint32_t step = 1; fread(groat_input(&net, 0), 1, input_bytes, samples) == input_bytes &&
                            fread(groat_input(&net, 1), 1, sizeof(int32_t), samples) == sizeof(int32_t);
         step++) {
        memcpy(groat_input(&net, 2), &rate, sizeof rate);
        groat_run(&net);
        sum += *(const float *)groat_output(&net, 0);
        if (step % STEPS_PER_COMMIT == 0) {
            require(groat_commit(&net, &flash), "the parameters cannot be committed");
            printf("step %" PRIu32 ": mean loss %.3f, committed\n", step, (double)(sum / STEPS_PER_COMMIT));
            fflush(stdout);
            sum = 0;
        }
    }
    fclose(samples);
    fclose(flash.context);
    free(arena);
    free(model);
    return 0;
}
