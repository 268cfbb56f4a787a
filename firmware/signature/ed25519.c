/* SPDX-License-Identifier: Apache-2.0
 *
 * The signature of a model.  The curve is Monocypher's (groat.monocypher says where that comes from), whose own hash is
 * another one: RFC 8032 asks for SHA-512.
 */
#include <monocypher.h>

#include "../app/protocol.h"
#include "../port/port.h"
#include "sha512.h"
#include "signature.h"

enum {
    KEY_BYTES = 32,
    POINT_BYTES = 32 /* with which a signature begins */
};

static const uint8_t public_key[KEY_BYTES] = {GROAT_PUBLIC_KEY};

/* In a frame of its own: the curve needs much stack, and not at the same time. */
__attribute__((noinline)) static void challenge(const uint8_t *signature, const void *message, uint32_t bytes,
                                                uint8_t reduced[KEY_BYTES])
{
    groat_sha512 hash;
    uint8_t digest[GROAT_SHA512_BYTES];
    groat_sha512_begin(&hash);
    groat_sha512_add(&hash, signature, POINT_BYTES);
    groat_sha512_add(&hash, public_key, KEY_BYTES);
    groat_sha512_add(&hash, message, bytes);
    groat_sha512_end(&hash, digest);
    crypto_eddsa_reduce(reduced, digest);
}

int32_t groat_check_signature(const void *model, uint32_t bytes)
{
    const groat_header *header = model;
    if (bytes < sizeof *header + GROAT_SIGNATURE_BYTES || header->file_bytes != bytes - GROAT_SIGNATURE_BYTES) {
        return GROAT_E_SIGNATURE;
    }
    const uint8_t *signature = (const uint8_t *)model + header->file_bytes;
    uint8_t reduced[KEY_BYTES];
    challenge(signature, model, header->file_bytes, reduced);
    return crypto_eddsa_check_equation(signature, public_key, reduced) == 0 ? GROAT_OK : GROAT_E_SIGNATURE;
}
