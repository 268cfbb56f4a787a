/* SPDX-License-Identifier: Apache-2.0
 *
 * CRC-32 of IEEE 802.3, reflected, polynomial 0xEDB88320; four bits at a time, from a table of 64 bytes.
 */
#include "crc.h"

uint32_t groat_crc32(uint32_t crc, const void *data, uint32_t bytes)
{
    static const uint32_t nibbles[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };
    const uint8_t *next = data;
    crc = ~crc;
    for (uint32_t i = 0; i < bytes; i++) {
        crc ^= next[i];
        crc = (crc >> 4) ^ nibbles[crc & 15];
        crc = (crc >> 4) ^ nibbles[crc & 15];
    }
    return ~crc;
}
