/* SPDX-License-Identifier: Apache-2.0
 *
 * memcpy and memset for cores with Helium, in place of the portable ones: 64 bytes a turn, then what is over of them
 * under a predicate.
 */
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memset(void *to, int value, size_t count);

__attribute__((naked)) void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    __asm__("push {r0, lr}\n"
            "lsrs r3, r2, #6\n"
            "wls lr, r3, 2f\n"
            "1:\n"
            "vldrb.u8 q0, [r1], #16\n"
            "vldrb.u8 q1, [r1], #16\n"
            "vldrb.u8 q2, [r1], #16\n"
            "vldrb.u8 q3, [r1], #16\n"
            "vstrb.8 q0, [r0], #16\n"
            "vstrb.8 q1, [r0], #16\n"
            "vstrb.8 q2, [r0], #16\n"
            "vstrb.8 q3, [r0], #16\n"
            "le lr, 1b\n"
            "2:\n"
            "and r2, r2, #63\n"
            "wlstp.8 lr, r2, 4f\n"
            "3:\n"
            "vldrb.u8 q0, [r1], #16\n"
            "vstrb.8 q0, [r0], #16\n"
            "letp lr, 3b\n"
            "4:\n"
            "pop {r0, pc}\n");
}

__attribute__((naked)) void *memset(void *to, int value, size_t count)
{
    __asm__("push {r0, lr}\n"
            "vdup.8 q0, r1\n"
            "lsrs r3, r2, #6\n"
            "wls lr, r3, 2f\n"
            "1:\n"
            "vstrb.8 q0, [r0], #16\n"
            "vstrb.8 q0, [r0], #16\n"
            "vstrb.8 q0, [r0], #16\n"
            "vstrb.8 q0, [r0], #16\n"
            "le lr, 1b\n"
            "2:\n"
            "and r2, r2, #63\n"
            "wlstp.8 lr, r2, 4f\n"
            "3:\n"
            "vstrb.8 q0, [r0], #16\n"
            "letp lr, 3b\n"
            "4:\n"
            "pop {r0, pc}\n");
}
