/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a clamp of float16.  As bits, positive numbers are as great as they are, and what is negative, or no
 * number, is greater than any: so one comparison says of two halves of a word at once whether they are above zero and
 * below the limit.
 */
#define FPU(name) groat_##name##_dsp
#include "../fpu_f16.h"

void KERNEL(clamp_grad)(const groat_elementwise_float *k, const uint16_t *dy, const uint16_t *y, uint16_t *dx,
                        uint32_t count)
{
    const uint16_t limit = NARROW(k->act_max);
    if (k->act_min != 0.0f || k->act_max <= 0.0f || WIDE(limit) != k->act_max) {
        PORTABLE(clamp_grad)(k, dy, y, dx, count);
        return;
    }
    const uint32_t most = limit - 1u;
#if FPU_ASSEMBLY
    uint32_t fours = LOADABLE((uintptr_t)dy | (uintptr_t)y | (uintptr_t)dx) ? count / 4 : 0, a, b, c, d;
    count -= fours * 4;
    if (fours > 0) {
        __asm__ volatile("1:\n\t"
                         "ldrd %[a], %[b], [%[y]], #8\n\t"
                         "ldrd %[c], %[d], [%[dy]], #8\n\t"
                         "usub16 %[a], %[a], %[ones]\n\t"
                         "usub16 %[a], %[a], %[most]\n\t"
                         "sel %[c], %[zero], %[c]\n\t"
                         "usub16 %[b], %[b], %[ones]\n\t"
                         "usub16 %[b], %[b], %[most]\n\t"
                         "sel %[d], %[zero], %[d]\n\t"
                         "strd %[c], %[d], [%[dx]], #8\n\t"
                         "subs %[fours], %[fours], #1\n\t"
                         "bne 1b"
                         : [y] "+r"(y), [dy] "+r"(dy), [dx] "+r"(dx), [fours] "+r"(fours), [a] "=&r"(a), [b] "=&r"(b),
                           [c] "=&r"(c), [d] "=&r"(d)
                         : [ones] "r"(0x10001), [most] "r"(most * 0x10001), [zero] "r"(0)
                         : "cc", "memory");
    }
#endif
    for (uint32_t i = 0; i < count; i++) {
        dx[i] = (uint16_t)(y[i] - 1u) < most ? dy[i] : 0;
    }
}
