/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a model comes from who may change it: Ed25519 (RFC 8032), by the public key that the firmware was built with.
 */
#ifndef GROAT_SIGNATURE_H
#define GROAT_SIGNATURE_H

#include <stdint.h>

/* GROAT_OK if `bytes` bytes from `model` on are a model's file and, behind it, the signature of all of that file; else
 * GROAT_E_SIGNATURE.  Trusts no byte of either. */
int32_t groat_check_signature(const void *model, uint32_t bytes);

#endif
