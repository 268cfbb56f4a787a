/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin of QEMU's that counts the instructions of each core while the first is in a call that the firmware measures:
 * between two of its functions.  Counters of the cores themselves would not do: QEMU lets them share one.
 *
 * Arguments: out=FILE, begin=ADDRESS and end=ADDRESS of those functions, hexadecimal.  A line of the file is `core
 * INSTRUCTIONS`, of the last call; the last line is `end CORES`.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What of QEMU's plugin interface, version 1, is used: no header of it is installed with QEMU ------- */

typedef uint64_t plugin_id;
struct qemu_info;
struct qemu_plugin_tb;

enum {
    NO_REGISTERS = 0 /* a callback that does not touch the guest's registers */
};

typedef void (*on_translation)(plugin_id id, struct qemu_plugin_tb *block);
typedef void (*on_execution)(unsigned int cpu, void *argument);
typedef void (*on_exit)(plugin_id id, void *argument);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, on_translation callback);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, on_execution callback, int registers,
                                          void *argument);
void qemu_plugin_register_atexit_cb(plugin_id id, on_exit callback, void *argument);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int qemu_plugin_version = 1;

/* ---- Counting ------------------------------------------------------------------------------------------ */

enum {
    MOST_CORES = 64
};

/* Each written by its core alone. */
static uint64_t executed[MOST_CORES];
static uint64_t before[MOST_CORES];
static uint64_t during[MOST_CORES];
static uint32_t cores;
static uint64_t begin, end;
static FILE *out;

static _Noreturn void fail(const char *why, const char *what)
{
    fprintf(stderr, "groat_harts: %s%s\n", why, what);
    exit(1);
}

static void count(unsigned int core, void *instructions)
{
    if (core >= MOST_CORES) {
        fail("more cores than expected", "");
    }
    executed[core] += (uintptr_t)instructions;
    cores = core >= cores ? core + 1 : cores;
}

static void has_begun(unsigned int core, void *unused)
{
    (void)unused;
    if (core == 0) {
        memcpy(before, executed, sizeof before);
    }
}

static void has_ended(unsigned int core, void *unused)
{
    (void)unused;
    for (uint32_t i = 0; core == 0 && i < MOST_CORES; i++) {
        during[i] = executed[i] - before[i];
    }
}

static void translate(plugin_id id, struct qemu_plugin_tb *block)
{
    (void)id;
    const uint64_t address = qemu_plugin_tb_vaddr(block);
    if (address == begin) {
        qemu_plugin_register_vcpu_tb_exec_cb(block, has_begun, NO_REGISTERS, NULL);
    }
    if (address == end) {
        qemu_plugin_register_vcpu_tb_exec_cb(block, has_ended, NO_REGISTERS, NULL);
    }
    qemu_plugin_register_vcpu_tb_exec_cb(block, count, NO_REGISTERS, (void *)qemu_plugin_tb_n_insns(block));
}

static void finish(plugin_id id, void *unused)
{
    (void)id;
    (void)unused;
    for (uint32_t i = 0; i < cores; i++) {
        fprintf(out, "core %" PRIu64 "\n", during[i]);
    }
    fprintf(out, "end %" PRIu32 "\n", cores);
    fclose(out);
}

static void read_argument(const char *argument)
{
    if (strncmp(argument, "out=", 4) == 0) {
        out = fopen(argument + 4, "w");
        if (out == NULL) {
            fail("cannot write ", argument + 4);
        }
    } else if (sscanf(argument, "begin=%" SCNx64, &begin) != 1 && sscanf(argument, "end=%" SCNx64, &end) != 1) {
        fail("not understood: ", argument);
    }
}

EXPORTED int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        read_argument(argv[i]);
    }
    if (out == NULL || begin == 0 || end == 0) {
        fail("out=, begin= and end= are needed", "");
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    qemu_plugin_register_atexit_cb(id, finish, NULL);
    return 0;
}
