/* SPDX-License-Identifier: Apache-2.0
 *
 * Arm and RISC-V semihosting: a trap instruction that a debugger or an emulator answers.  It gives bare
 * metal the host's files, which in QEMU is a thousand times faster than an emulated UART.
 */
#include "port.h"

enum {
    SYS_OPEN = 0x01,
    SYS_WRITE0 = 0x04,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_EXIT_EXTENDED = 0x20,
    MODE_READ_BINARY = 1,
    MODE_WRITE_BINARY = 5,
    APPLICATION_EXIT = 0x20026
};

/* In the folder that the emulator was started in. */
static const char in_name[] = "groat.in";
static const char out_name[] = "groat.out";

static intptr_t in_file;
static intptr_t out_file;

#if defined(__arm__)
static intptr_t semihost(intptr_t operation, const void *arguments)
{
    register intptr_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
#elif defined(__riscv)
static intptr_t semihost(intptr_t operation, const void *arguments)
{
    register intptr_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = arguments;
    /* The three are recognised together: none may be compressed, nor may a page end between them. */
    __asm__ volatile(".option push\n"
                     ".option norvc\n"
                     ".balign 16\n"
                     "slli x0, x0, 0x1f\n"
                     "ebreak\n"
                     "srai x0, x0, 7\n"
                     ".option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}
#endif

_Noreturn void groat_exit(int code)
{
    const intptr_t arguments[2] = {APPLICATION_EXIT, code};
    for (;;) {
        semihost(SYS_EXIT_EXTENDED, arguments);
    }
}

void groat_print(const char *text)
{
    semihost(SYS_WRITE0, text);
}

static intptr_t open_file(const char *name, intptr_t name_bytes, intptr_t mode)
{
    const intptr_t arguments[3] = {(intptr_t)name, mode, name_bytes};
    return semihost(SYS_OPEN, arguments);
}

int groat_channel_open(void)
{
    in_file = open_file(in_name, sizeof in_name - 1, MODE_READ_BINARY);
    out_file = open_file(out_name, sizeof out_name - 1, MODE_WRITE_BINARY);
    return in_file < 0 || out_file < 0 ? -1 : 0;
}

/* Reading and writing return how many bytes are left; a call that moves none has met the end of the file. */
static int transfer(intptr_t operation, intptr_t file, intptr_t address, uint32_t count)
{
    while (count > 0) {
        const intptr_t arguments[3] = {file, address, (intptr_t)count};
        uint32_t left = (uint32_t)semihost(operation, arguments);
        if (left >= count) {
            return -1;
        }
        address += (intptr_t)(count - left);
        count = left;
    }
    return 0;
}

int groat_channel_read(void *bytes, uint32_t count)
{
    return transfer(SYS_READ, in_file, (intptr_t)bytes, count);
}

int groat_channel_write(const void *bytes, uint32_t count)
{
    return transfer(SYS_WRITE, out_file, (intptr_t)bytes, count);
}

int groat_channel_renew(void)
{
    return -1;
}
