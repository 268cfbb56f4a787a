/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin of QEMU's that counts how often each instruction of the firmware is executed, and how often the one
 * after it in memory was not the next.  It counts only from the entry of a measured function to the return into
 * its caller; each such call is written apart.  A return into an inner caller ends no call: what is counted from the next
 * entry on is of the same one.  A call that came no further than there is one of nothing.
 *
 * Arguments: out=FILE, caller=FIRST-LAST (addresses, hexadecimal, LAST not included), inner=FIRST-LAST (likewise; may be
 * left out), entry=ADDRESS (may be given several times).  A line of the file is `call address executed left`; the last line is `end CALLS`, so that a file
 * that was cut is known.
 *
 * QEMU adds to the counters in the code it generates, without a call; at the ends of a measured call they are
 * compared with what they were before.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What of QEMU's plugin interface, version 1, is used: no header of it is installed with QEMU ------- */

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

/* The first of several fields, which are only read. */
struct qemu_info {
    const char *target_name;
};

enum {
    NO_REGISTERS = 0, /* a callback that does not touch the guest's registers */
    ADD_U64 = 0       /* the one operation that can be done inline */
};

typedef void (*on_translation)(plugin_id id, struct qemu_plugin_tb *block);
typedef void (*on_execution)(unsigned int cpu, void *argument);
typedef void (*on_exit)(plugin_id id, void *argument);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, on_translation callback);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, on_execution callback, int registers,
                                          void *argument);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction, on_execution callback, int registers,
                                            void *argument);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *instruction, int operation, void *counter,
                                                uint64_t value);
void qemu_plugin_register_atexit_cb(plugin_id id, on_exit callback, void *argument);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction);

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int qemu_plugin_version = 1;

/* ---- One counter for each instruction ---------------------------------------------------------------- */

enum {
    SLOTS = 1 << 16, /* of a hash table; firmware has some ten thousand instructions */
    MOST_ENTRIES = 8
};

typedef struct spot {
    uint64_t address;
    uint64_t next;            /* of the instruction behind it; 0 in a free slot */
    uint64_t executed, left;  /* left: went elsewhere than to the instruction behind it */
    uint64_t executed_before; /* what both were when counting began */
    uint64_t left_before;
    uint64_t executed_in_call, left_in_call;
} spot;

static spot spots[SLOTS];
static spot *in_use[SLOTS];
static uint32_t used;

static FILE *out;
static uint64_t caller_first, caller_last;
static uint64_t inner_first, inner_last;
static uint64_t entries[MOST_ENTRIES];
static uint32_t entry_count;

static bool is_arm;
static bool counting, called;
static uint32_t calls;
static spot *previous; /* the last instruction of the block that was executed last */

static _Noreturn void fail(const char *why, const char *what)
{
    fprintf(stderr, "groat_profile: %s%s\n", why, what);
    exit(1);
}

/* QEMU's own answer is wrong near the end of a page, where it looks ahead. */
static uint64_t bytes_of(const struct qemu_plugin_insn *instruction)
{
    const uint8_t *data = qemu_plugin_insn_data(instruction);
    bool wide = is_arm ? data[1] >= 0xE8 : (data[0] & 3) == 3; /* Thumb, RISC-V; both little-endian */
    return wide ? 4 : 2;
}

static spot *spot_of(const struct qemu_plugin_insn *instruction)
{
    uint64_t address = qemu_plugin_insn_vaddr(instruction);
    for (uint64_t slot = address / 2 % SLOTS;; slot = (slot + 1) % SLOTS) {
        spot *s = &spots[slot];
        if (s->next == 0) {
            if (used + 1 == SLOTS) {
                fail("too many instructions", "");
            }
            in_use[used++] = s;
            s->address = address;
            s->next = address + bytes_of(instruction);
            return s;
        }
        if (s->address == address) {
            return s;
        }
    }
}

/* ---- The measured calls ------------------------------------------------------------------------------ */

static void enter(unsigned int cpu, void *unused)
{
    (void)cpu;
    (void)unused;
    if (counting) {
        return; /* called by itself, or by another measured function */
    }
    counting = true;
    called = true;
    for (uint32_t i = 0; i < used; i++) {
        in_use[i]->executed_before = in_use[i]->executed;
        in_use[i]->left_before = in_use[i]->left;
    }
}

static void pause_counting(unsigned int cpu, void *unused)
{
    (void)cpu;
    (void)unused;
    called = true;
    for (uint32_t i = 0; i < used && counting; i++) {
        spot *s = in_use[i];
        s->executed_in_call += s->executed - s->executed_before;
        s->left_in_call += s->left - s->left_before;
    }
    counting = false;
}

static void come_back(unsigned int cpu, void *unused)
{
    if (!called) {
        return;
    }
    pause_counting(cpu, unused);
    called = false;
    for (uint32_t i = 0; i < used; i++) {
        spot *s = in_use[i];
        if (s->executed_in_call != 0) {
            fprintf(out, "%" PRIu32 " %" PRIx64 " %" PRIu64 " %" PRIu64 "\n", calls, s->address, s->executed_in_call,
                    s->left_in_call);
        }
        s->executed_in_call = 0;
        s->left_in_call = 0;
    }
    calls++;
}

/* Blocks end wherever the program may go elsewhere, so their starts tell whether it did. */
static void start_block(unsigned int cpu, void *first)
{
    (void)cpu;
    const spot *now = first;
    if (previous != NULL && now->address != previous->next) {
        previous->left++;
    }
}

static void end_block(unsigned int cpu, void *last)
{
    (void)cpu;
    previous = last;
}

/* ---- What QEMU calls --------------------------------------------------------------------------------- */

static bool is_entry(uint64_t address)
{
    for (uint32_t i = 0; i < entry_count; i++) {
        if (entries[i] == address) {
            return true;
        }
    }
    return false;
}

static void translate(plugin_id id, struct qemu_plugin_tb *block)
{
    (void)id;
    size_t count = qemu_plugin_tb_n_insns(block);
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        spot *s = spot_of(instruction);
        if (i == 0) {
            qemu_plugin_register_vcpu_tb_exec_cb(block, start_block, NO_REGISTERS, s);
        }
        /* Callbacks come before the count of the same instruction: an entry counts itself, and nothing of the
         * caller is ever counted. */
        if (s->address >= caller_first && s->address < caller_last) {
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, come_back, NO_REGISTERS, NULL);
        } else if (s->address >= inner_first && s->address < inner_last) {
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, pause_counting, NO_REGISTERS, NULL);
        } else if (is_entry(s->address)) {
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, enter, NO_REGISTERS, NULL);
        }
        if (i + 1 == count) {
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, end_block, NO_REGISTERS, s);
        }
        qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD_U64, &s->executed, 1);
    }
}

static void finish(plugin_id id, void *unused)
{
    (void)id;
    (void)unused;
    fprintf(out, "end %" PRIu32 "\n", calls);
    fclose(out);
}

/* Whether an argument is NAME=FIRST-LAST, as the format says. */
static bool read_range(const char *argument, const char *format, uint64_t *first, uint64_t *last)
{
    int read = 0;
    return sscanf(argument, format, first, last, &read) == 2 && argument[read] == '\0';
}

static void read_argument(const char *argument)
{
    if (strncmp(argument, "out=", 4) == 0) {
        out = fopen(argument + 4, "w");
        if (out == NULL) {
            fail("cannot write ", argument + 4);
        }
    } else if (strncmp(argument, "entry=", 6) == 0 && entry_count < MOST_ENTRIES) {
        entries[entry_count++] = strtoull(argument + 6, NULL, 16);
    } else if (!read_range(argument, "caller=%" SCNx64 "-%" SCNx64 "%n", &caller_first, &caller_last) &&
               !read_range(argument, "inner=%" SCNx64 "-%" SCNx64 "%n", &inner_first, &inner_last)) {
        fail("not understood: ", argument);
    }
}

EXPORTED int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc, char **argv)
{
    is_arm = strcmp(info->target_name, "arm") == 0;
    if (!is_arm && strncmp(info->target_name, "riscv", 5) != 0) {
        fail("no knowledge of the instructions of ", info->target_name);
    }
    for (int i = 0; i < argc; i++) {
        read_argument(argv[i]);
    }
    if (out == NULL || entry_count == 0 || caller_first >= caller_last) {
        fail("out=, caller= and entry= are needed", "");
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    qemu_plugin_register_atexit_cb(id, finish, NULL);
    return 0;
}
