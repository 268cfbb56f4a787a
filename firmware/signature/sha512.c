/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-512 as FIPS 180-4 (2015) gives it.
 */
#include "sha512.h"

#include "../../runtime/core/op.h"

enum {
    WORDS = 16, /* of a block, and of what is kept of its schedule */
    ROUNDS = 80,
    LENGTH_BYTES = 16 /* at the end of the last block */
};

/* The first 64 bits of the fractions of the square roots of the first eight primes. */
static const uint64_t first_state[8] = {
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
};

/* Of the cube roots of the first eighty. */
static const uint64_t constants[ROUNDS] = {
    0x428A2F98D728AE22, 0x7137449123EF65CD, 0xB5C0FBCFEC4D3B2F, 0xE9B5DBA58189DBBC, 0x3956C25BF348B538,
    0x59F111F1B605D019, 0x923F82A4AF194F9B, 0xAB1C5ED5DA6D8118, 0xD807AA98A3030242, 0x12835B0145706FBE,
    0x243185BE4EE4B28C, 0x550C7DC3D5FFB4E2, 0x72BE5D74F27B896F, 0x80DEB1FE3B1696B1, 0x9BDC06A725C71235,
    0xC19BF174CF692694, 0xE49B69C19EF14AD2, 0xEFBE4786384F25E3, 0x0FC19DC68B8CD5B5, 0x240CA1CC77AC9C65,
    0x2DE92C6F592B0275, 0x4A7484AA6EA6E483, 0x5CB0A9DCBD41FBD4, 0x76F988DA831153B5, 0x983E5152EE66DFAB,
    0xA831C66D2DB43210, 0xB00327C898FB213F, 0xBF597FC7BEEF0EE4, 0xC6E00BF33DA88FC2, 0xD5A79147930AA725,
    0x06CA6351E003826F, 0x142929670A0E6E70, 0x27B70A8546D22FFC, 0x2E1B21385C26C926, 0x4D2C6DFC5AC42AED,
    0x53380D139D95B3DF, 0x650A73548BAF63DE, 0x766A0ABB3C77B2A8, 0x81C2C92E47EDAEE6, 0x92722C851482353B,
    0xA2BFE8A14CF10364, 0xA81A664BBC423001, 0xC24B8B70D0F89791, 0xC76C51A30654BE30, 0xD192E819D6EF5218,
    0xD69906245565A910, 0xF40E35855771202A, 0x106AA07032BBD1B8, 0x19A4C116B8D2D0C8, 0x1E376C085141AB53,
    0x2748774CDF8EEB99, 0x34B0BCB5E19B48A8, 0x391C0CB3C5C95A63, 0x4ED8AA4AE3418ACB, 0x5B9CCA4F7763E373,
    0x682E6FF3D6B2B8A3, 0x748F82EE5DEFB2FC, 0x78A5636F43172F60, 0x84C87814A1F0AB72, 0x8CC702081A6439EC,
    0x90BEFFFA23631E28, 0xA4506CEBDE82BDE9, 0xBEF9A3F7B2C67915, 0xC67178F2E372532B, 0xCA273ECEEA26619C,
    0xD186B8C721C0C207, 0xEADA7DD6CDE0EB1E, 0xF57D4F7FEE6ED178, 0x06F067AA72176FBA, 0x0A637DC5A2C898A6,
    0x113F9804BEF90DAE, 0x1B710B35131C471B, 0x28DB77F523047D84, 0x32CAAB7B40C72493, 0x3C9EBE0A15C9BEBC,
    0x431D67C49C100D4C, 0x4CC5D4BECB3E42B6, 0x597F299CFC657E2A, 0x5FCB6FAB3AD6FAEC, 0x6C44198C4A475817,
};

static uint64_t turned(uint64_t x, int by)
{
    return x >> by | x << (64 - by);
}

static uint64_t word_at(const uint8_t *bytes)
{
    uint64_t word = 0;
    for (int i = 0; i < 8; i++) {
        word = word << 8 | bytes[i];
    }
    return word;
}

/* Words of the schedule take the place of those sixteen before. */
static uint64_t next_word(uint64_t words[WORDS], uint32_t t)
{
    uint64_t w2 = words[(t + 14) % WORDS], w15 = words[(t + 1) % WORDS];
    uint64_t small0 = turned(w15, 1) ^ turned(w15, 8) ^ w15 >> 7;
    uint64_t small1 = turned(w2, 19) ^ turned(w2, 61) ^ w2 >> 6;
    return words[t % WORDS] += small1 + words[(t + 9) % WORDS] + small0;
}

static void mix(groat_sha512 *hash)
{
    uint64_t words[WORDS], s[8];
    memcpy(s, hash->state, sizeof s);
    for (uint32_t t = 0; t < ROUNDS; t++) {
        uint64_t word = t < WORDS ? (words[t] = word_at(hash->block + 8 * t)) : next_word(words, t);
        uint64_t a = s[0], e = s[4];
        uint64_t big0 = turned(a, 28) ^ turned(a, 34) ^ turned(a, 39);
        uint64_t big1 = turned(e, 14) ^ turned(e, 18) ^ turned(e, 41);
        uint64_t choice = (e & s[5]) ^ (~e & s[6]);
        uint64_t majority = (a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]);
        uint64_t sum = s[7] + big1 + choice + constants[t] + word;
        for (int i = 7; i > 0; i--) {
            s[i] = s[i - 1];
        }
        s[4] += sum;
        s[0] = sum + big0 + majority;
    }
    for (int i = 0; i < 8; i++) {
        hash->state[i] += s[i];
    }
}

void groat_sha512_begin(groat_sha512 *hash)
{
    memcpy(hash->state, first_state, sizeof hash->state);
    hash->bytes = 0;
}

void groat_sha512_add(groat_sha512 *hash, const void *data, uint32_t bytes)
{
    const uint8_t *from = data;
    for (uint32_t i = 0; i < bytes; i++) {
        hash->block[hash->bytes++ % GROAT_SHA512_BLOCK] = from[i];
        if (hash->bytes % GROAT_SHA512_BLOCK == 0) {
            mix(hash);
        }
    }
}

void groat_sha512_end(groat_sha512 *hash, uint8_t digest[GROAT_SHA512_BYTES])
{
    uint64_t bits = 8 * (uint64_t)hash->bytes;
    uint8_t length[LENGTH_BYTES] = {0}, mark = 0x80, zero = 0;
    for (int i = 0; i < 8; i++) {
        length[LENGTH_BYTES - 1 - i] = (uint8_t)(bits >> 8 * i);
    }
    groat_sha512_add(hash, &mark, 1);
    while (hash->bytes % GROAT_SHA512_BLOCK != GROAT_SHA512_BLOCK - LENGTH_BYTES) {
        groat_sha512_add(hash, &zero, 1);
    }
    groat_sha512_add(hash, length, sizeof length);
    for (uint32_t i = 0; i < GROAT_SHA512_BYTES; i++) {
        digest[i] = (uint8_t)(hash->state[i / 8] >> (56 - 8 * (i % 8)));
    }
}
