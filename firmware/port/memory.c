/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory functions that compilers and the runtime expect of a C library, so that no library has to be found for
 * every core and compiler; weak, as a core's start-up code may bring better ones.  Built without the optimisation that
 * would turn their loops into calls of themselves.
 *
 * Rows of images are what is copied most: words at a time wherever addresses allow, and where the core can load words
 * from any address, always.
 */
#include <stddef.h>
#include <stdint.h>

typedef uint32_t __attribute__((may_alias)) word;
typedef word __attribute__((aligned(1))) word_anywhere;

enum {
    WORD = sizeof(word),
    BLOCK = 8 * WORD,
    FEW = 2 * WORD,     /* bytes that are not worth a look at addresses */
};

#if defined(__ARM_FEATURE_UNALIGNED)
#define ANY_ADDRESS 1
#else
#define ANY_ADDRESS 0
#endif

static inline int is_aligned(const void *address)
{
    return (uintptr_t)address % WORD == 0;
}

/* Blocks of eight words, both addresses aligned; returns how many bytes are left. */
static inline size_t copy_blocks(uint8_t **to, const uint8_t **from, size_t count)
{
#if defined(__thumb2__)
    uint8_t *t = *to;
    const uint8_t *f = *from;
    for (; count >= BLOCK; count -= BLOCK) {
        __asm__ volatile("ldmia %[f]!, {r3, r4, r5, r6, r8, r9, r10, r12}\n"
                         "stmia %[t]!, {r3, r4, r5, r6, r8, r9, r10, r12}\n"
                         : [t] "+r"(t), [f] "+r"(f)
                         :
                         : "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r12", "memory");
    }
    *to = t;
    *from = f;
#else
    word *t = (word *)(void *)*to;
    const word *f = (const word *)(const void *)*from;
    for (; count >= BLOCK; count -= BLOCK, t += 8, f += 8) {
        word a = f[0], b = f[1], c = f[2], d = f[3];
        t[0] = a, t[1] = b, t[2] = c, t[3] = d;
        a = f[4], b = f[5], c = f[6], d = f[7];
        t[4] = a, t[5] = b, t[6] = c, t[7] = d;
    }
    *to = (uint8_t *)t;
    *from = (const uint8_t *)f;
#endif
    return count;
}

__attribute__((weak)) void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if (count >= FEW) {
        for (; !is_aligned(t); count--) {
            *t++ = *f++;
        }
        if (is_aligned(f)) {
            count = copy_blocks(&t, &f, count);
        } else if (ANY_ADDRESS) {
            for (; count >= 4 * WORD; count -= 4 * WORD, t += 4 * WORD, f += 4 * WORD) {
                const word_anywhere *x = (const word_anywhere *)(const void *)f;
                word a = x[0], b = x[1], c = x[2], d = x[3];
                word *y = (word *)(void *)t;
                y[0] = a, y[1] = b, y[2] = c, y[3] = d;
            }
        }
        if (ANY_ADDRESS || is_aligned(f)) {
            for (; count >= WORD; count -= WORD, t += WORD, f += WORD) {
                *(word *)(void *)t = *(const word_anywhere *)(const void *)f;
            }
        }
    }
    while (count-- > 0) {
        *t++ = *f++;
    }
    return to;
}

__attribute__((weak)) void *memmove(void *to, const void *from, size_t count)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if ((uintptr_t)t - (uintptr_t)f >= count) { /* before it, or not at all in it: upwards */
        if (is_aligned(t) && is_aligned(f)) {
            count = copy_blocks(&t, &f, count);
            for (; count >= WORD; count -= WORD, t += WORD, f += WORD) {
                *(word *)(void *)t = *(const word *)(const void *)f;
            }
        }
        while (count-- > 0) {
            *t++ = *f++;
        }
        return to;
    }
    int words = is_aligned(t + count) && is_aligned(f + count);
    for (; words && count >= WORD; count -= WORD) {
        *(word *)(void *)(t + count - WORD) = *(const word *)(const void *)(f + count - WORD);
    }
    while (count-- > 0) {
        t[count] = f[count];
    }
    return to;
}

__attribute__((weak)) void *memset(void *to, int value, size_t count)
{
    uint8_t *t = to;
    if (count >= FEW) {
        for (; !is_aligned(t); count--) {
            *t++ = (uint8_t)value;
        }
        word pattern = (uint8_t)value * 0x01010101u;
        word *w = (word *)(void *)t;
        for (; count >= 4 * WORD; count -= 4 * WORD, w += 4) {
            w[0] = pattern, w[1] = pattern, w[2] = pattern, w[3] = pattern;
        }
        for (; count >= WORD; count -= WORD) {
            *w++ = pattern;
        }
        t = (uint8_t *)w;
    }
    while (count-- > 0) {
        *t++ = (uint8_t)value;
    }
    return to;
}

#if defined(__arm__)

/* The names of Arm's run-time ABI, which compilers may call instead: for any address, and for multiples of 4 and 8. */
#define EACH_ALIGNMENT(F) F() F(4) F(8)
#define NAMED(alignment)                                                                            \
    __attribute__((weak)) void __aeabi_memcpy##alignment(void *to, const void *from, size_t count)  \
    {                                                                                               \
        memcpy(to, from, count);                                                                    \
    }                                                                                               \
    __attribute__((weak)) void __aeabi_memmove##alignment(void *to, const void *from, size_t count) \
    {                                                                                               \
        memmove(to, from, count);                                                                   \
    }                                                                                               \
    __attribute__((weak)) void __aeabi_memset##alignment(void *to, size_t count, int value)         \
    {                                                                                               \
        memset(to, value, count);                                                                   \
    }                                                                                               \
    __attribute__((weak)) void __aeabi_memclr##alignment(void *to, size_t count)                    \
    {                                                                                               \
        memset(to, 0, count);                                                                       \
    }
EACH_ALIGNMENT(NAMED)

#endif
