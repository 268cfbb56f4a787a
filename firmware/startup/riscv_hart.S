/* SPDX-License-Identifier: Apache-2.0
 *
 * RISC-V harts but the first: each waits for the first to wake it, and takes a stack of its own.
 */
#define MIE_MSIE 8

    .section .text.groat_hart, "ax"
    .globl groat_hart
groat_hart:
    li      t0, MIE_MSIE
    csrw    mie, t0
    /* Software interrupts end a WFI, but are never taken: mstatus.MIE is zero.  Memory is not ready before the first. */
1:  wfi
    csrr    t1, mip
    and     t1, t1, t0
    beqz    t1, 1b
    csrr    a0, mhartid
    la      sp, groat_worker_stacks
    li      t0, GROAT_WORKER_STACK_BYTES
    mul     t0, t0, a0
    add     sp, sp, t0
    j       groat_worker
