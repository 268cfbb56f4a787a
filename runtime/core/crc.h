/* SPDX-License-Identifier: Apache-2.0
 *
 * The one checksum: of packed models and of what is kept in flash.
 */
#ifndef GROAT_CORE_CRC_H
#define GROAT_CORE_CRC_H

#include <stdint.h>

/* CRC-32 of IEEE 802.3 of `bytes` bytes behind those whose checksum is `crc`; 0 is that of none. */
uint32_t groat_crc32(uint32_t crc, const void *data, uint32_t bytes);

#endif
