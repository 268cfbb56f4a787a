/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-512, made to be small.
 */
#ifndef GROAT_SHA512_H
#define GROAT_SHA512_H

#include <stdint.h>

enum {
    GROAT_SHA512_BYTES = 64,
    GROAT_SHA512_BLOCK = 128 /* bytes that are mixed in at once */
};

typedef struct groat_sha512 {
    uint64_t state[8];
    uint8_t block[GROAT_SHA512_BLOCK];
    uint32_t bytes; /* that came */
} groat_sha512;

void groat_sha512_begin(groat_sha512 *hash);

/* All together less than 4 GB. */
void groat_sha512_add(groat_sha512 *hash, const void *data, uint32_t bytes);

void groat_sha512_end(groat_sha512 *hash, uint8_t digest[GROAT_SHA512_BYTES]);

#endif
