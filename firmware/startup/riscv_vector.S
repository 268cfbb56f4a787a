/* SPDX-License-Identifier: Apache-2.0
 *
 * memcpy and memset for RISC-V cores with vectors, in place of the portable ones of port/memory.c: borders of images
 * are copied in runs of 16 to a few hundred bytes.
 */
    .section .text.memcpy, "ax"
    .globl memcpy
    .balign 4
memcpy:
    mv      a3, a0
1:  vsetvli t0, a2, e8, m8, ta, ma
    vle8.v  v0, (a1)
    sub     a2, a2, t0
    vse8.v  v0, (a3)
    add     a1, a1, t0
    add     a3, a3, t0
    bnez    a2, 1b
    ret

    .section .text.memset, "ax"
    .globl memset
    .balign 4
memset:
    mv      a3, a0
    vsetvli t0, a2, e8, m8, ta, ma
    vmv.v.x v0, a1
1:  vsetvli t0, a2, e8, m8, ta, ma
    vse8.v  v0, (a3)
    sub     a2, a2, t0
    add     a3, a3, t0
    bnez    a2, 1b
    ret
