/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of a clamp of float32, on cores with a floating-point unit, though it is integers that compare fastest.
 */
/* dy where the rectifier lets it pass: as bits, positive numbers are as great as they are, and what is negative, or no
 * number, is greater than any.  So one comparison says whether y is above zero and below the limit. */
static void rectifier_grad(uint32_t limit, const float *dy, const float *y, float *dx, uint32_t count)
{
#if FPU_ASSEMBLY
#define PASS_TWO                       \
    "ldrd %[a], %[b], [%[y]], #8\n\t"  \
    "ldrd %[c], %[d], [%[dy]], #8\n\t" \
    "subs %[a], %[a], #1\n\t"          \
    "cmp %[a], %[most]\n\t"            \
    "sbc %[a], %[a], %[a]\n\t"         \
    "ands %[c], %[c], %[a]\n\t"        \
    "subs %[b], %[b], #1\n\t"          \
    "cmp %[b], %[most]\n\t"            \
    "sbc %[b], %[b], %[b]\n\t"         \
    "ands %[d], %[d], %[b]\n\t"        \
    "strd %[c], %[d], [%[dx]], #8\n\t"
    uint32_t fours = count / 4, a, b, c, d;
    count -= fours * 4;
    if (fours > 0) {
        __asm__ volatile("1:\n\t" PASS_TWO PASS_TWO "subs %[fours], %[fours], #1\n\t"
                         "bne 1b"
                         : [y] "+r"(y), [dy] "+r"(dy), [dx] "+r"(dx), [fours] "+r"(fours), [a] "=&r"(a), [b] "=&r"(b),
                           [c] "=&r"(c), [d] "=&r"(d)
                         : [most] "r"(limit - 1)
                         : "cc", "memory");
    }
#endif
    for (uint32_t i = 0; i < count; i++) {
        dx[i] = groat_bits_of(y[i]) - 1 < limit - 1 ? dy[i] : 0.0f;
    }
}

void KERNEL(clamp_grad)(const groat_elementwise_float *k, const float *dy, const float *y, float *dx, uint32_t count)
{
    if (k->act_min == 0.0f && k->act_max > 0.0f) {
        rectifier_grad(groat_bits_of(k->act_max), dy, y, dx, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        dx[i] = k->act_min < y[i] && y[i] < k->act_max ? dy[i] : 0.0f;
    }
}
