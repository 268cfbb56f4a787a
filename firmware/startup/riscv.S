/* SPDX-License-Identifier: Apache-2.0
 *
 * RISC-V, machine mode: the entry point and the trap vector.
 */
#define MSTATUS_FS 0x6000       /* floating-point state: dirty */
#define MSTATUS_VS 0x0600       /* vector state: dirty; both bits are ignored by cores without */

#define PMP_LOCKED_NAPOT 0x98   /* no access, to machine mode neither */
#define GUARD_BYTES 4096

    .section .vectors, "ax"
    .globl groat_reset
groat_reset:
    .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    la      sp, groat_stack_top
    la      t0, trap
    csrw    mtvec, t0
    li      t0, MSTATUS_FS | MSTATUS_VS
    csrs    mstatus, t0
    csrr    t0, mhartid
    bnez    t0, another
    /* A stack that runs over must fault: nothing may touch the page below it. */
    la      t0, groat_stack_limit - GUARD_BYTES
    srli    t0, t0, 2
    ori     t0, t0, GUARD_BYTES / 8 - 1
    csrw    pmpaddr0, t0
    li      t0, PMP_LOCKED_NAPOT
    csrw    pmpcfg0, t0
    j       groat_startup

/* Harts but the first wait for work, if this firmware has any for them (riscv_hart.S). */
    .weak groat_hart
another:
    la      t0, 2f
    lw      t0, (t0)
    beqz    t0, 1f
    jr      t0
1:  wfi
    j       1b
    .balign 4
2:  .word   groat_hart

/* Takes a fresh stack: the trap may be that there was none left. */
    .balign 4
trap:
    mv      a0, sp
    la      sp, groat_stack_top
    csrr    a1, mcause
    csrr    a2, mepc
    csrr    a3, mtval
    mv      a4, ra
    j       groat_trap
