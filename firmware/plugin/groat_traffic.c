/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin of QEMU's that counts the bytes that the firmware reads and writes in stretches of memory, from its start to
 * its end.  What the emulator itself moves there for it (semihosting) is not seen.
 *
 * Arguments: out=FILE, range=FIRST-LAST (addresses, hexadecimal, LAST not included; once or several times).  A line of
 * the file is `range read written`, in the order of the arguments; the last line is `end RANGES`.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What of QEMU's plugin interface, version 1, is used: no header of it is installed with QEMU ------- */

typedef uint64_t plugin_id;
typedef uint32_t access_info;
struct qemu_info;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum {
    NO_REGISTERS = 0,  /* a callback that does not touch the guest's registers */
    READS_AND_WRITES = 3
};

typedef void (*on_translation)(plugin_id id, struct qemu_plugin_tb *block);
typedef void (*on_access)(unsigned int cpu, access_info access, uint64_t address, void *argument);
typedef void (*on_exit)(plugin_id id, void *argument);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, on_translation callback);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *instruction, on_access callback, int registers,
                                      int which, void *argument);
void qemu_plugin_register_atexit_cb(plugin_id id, on_exit callback, void *argument);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
unsigned int qemu_plugin_mem_size_shift(access_info access);
bool qemu_plugin_mem_is_store(access_info access);

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int qemu_plugin_version = 1;

/* ---- Ranges ------------------------------------------------------------------------------------------ */

enum {
    MOST_RANGES = 8
};

static struct range {
    uint64_t first, last;
    uint64_t bytes[2]; /* read, written */
} ranges[MOST_RANGES];
static uint32_t range_count;

static FILE *out;

static _Noreturn void fail(const char *why, const char *what)
{
    fprintf(stderr, "groat_traffic: %s%s\n", why, what);
    exit(1);
}

static void accessed(unsigned int cpu, access_info access, uint64_t address, void *unused)
{
    (void)cpu;
    (void)unused;
    for (uint32_t i = 0; i < range_count; i++) {
        if (address >= ranges[i].first && address < ranges[i].last) {
            ranges[i].bytes[qemu_plugin_mem_is_store(access)] += UINT64_C(1) << qemu_plugin_mem_size_shift(access);
        }
    }
}

static void translate(plugin_id id, struct qemu_plugin_tb *block)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
        qemu_plugin_register_vcpu_mem_cb(qemu_plugin_tb_get_insn(block, i), accessed, NO_REGISTERS, READS_AND_WRITES,
                                         NULL);
    }
}

static void finish(plugin_id id, void *unused)
{
    (void)id;
    (void)unused;
    for (uint32_t i = 0; i < range_count; i++) {
        fprintf(out, "range %" PRIu64 " %" PRIu64 "\n", ranges[i].bytes[0], ranges[i].bytes[1]);
    }
    fprintf(out, "end %" PRIu32 "\n", range_count);
    fclose(out);
}

static void read_argument(const char *argument)
{
    struct range *r = &ranges[range_count];
    int read = 0;
    if (strncmp(argument, "out=", 4) == 0) {
        out = fopen(argument + 4, "w");
        if (out == NULL) {
            fail("cannot write ", argument + 4);
        }
    } else if (range_count < MOST_RANGES &&
               sscanf(argument, "range=%" SCNx64 "-%" SCNx64 "%n", &r->first, &r->last, &read) == 2 &&
               argument[read] == '\0') {
        range_count++;
    } else {
        fail("not understood: ", argument);
    }
}

EXPORTED int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        read_argument(argv[i]);
    }
    if (out == NULL || range_count == 0) {
        fail("out= and range= are needed", "");
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    qemu_plugin_register_atexit_cb(id, finish, NULL);
    return 0;
}
