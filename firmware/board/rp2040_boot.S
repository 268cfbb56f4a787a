/* SPDX-License-Identifier: Apache-2.0
 *
 * RP2040: what its ROM copies from the first 256 bytes of flash into RAM and calls, if the checksum at their end is right.
 * Maps the flash into memory, read with the one command that every chip has, and starts what follows it.
 */
    .syntax unified
    .cpu cortex-m0plus
    .thumb

#define SSI             0x18000000
#define SSI_CONTROL     0x00
#define SSI_FRAMES      0x04
#define SSI_ON          0x08
#define SSI_DIVIDER     0x14
#define SSI_SPI         0xF4
#define READ_32_BITS    0x001F0300  /* frames of 32 bits; sends a command and an address, then receives */
#define COMMAND_READ    0x03000218  /* command 03h of 8 bits, 24 bits of address, all on one line */
#define VTOR            0xE000ED08
#define VECTORS         0x10000100

    .section .boot, "ax"
boot:
    ldr     r3, =SSI
    movs    r0, #0
    str     r0, [r3, #SSI_ON]
    movs    r1, #4              /* 31 MHz of 125 */
    str     r1, [r3, #SSI_DIVIDER]
    ldr     r1, =READ_32_BITS
    str     r1, [r3, #SSI_CONTROL]
    str     r0, [r3, #SSI_FRAMES]
    ldr     r1, =COMMAND_READ
    movs    r2, #SSI_SPI
    str     r1, [r3, r2]
    movs    r1, #1
    str     r1, [r3, #SSI_ON]
    ldr     r0, =VECTORS
    ldr     r1, =VTOR
    str     r0, [r1]
    ldmia   r0, {r0, r1}
    msr     msp, r0
    bx      r1
    .ltorg
    .org    252
    .word   0xF858FD5F          /* CRC-32 of the bytes before, the most significant bit first: tests/python/test_boards.py */
