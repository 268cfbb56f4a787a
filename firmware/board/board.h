/* SPDX-License-Identifier: Apache-2.0
 *
 * What the boards' start-up has in common.  The build defines GROAT_UART_ADDRESS and GROAT_UART_PIN_TX and _RX from the
 * board's description.
 */
#ifndef GROAT_BOARD_H
#define GROAT_BOARD_H

#include <stdint.h>

#include "../port/port.h"

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

static inline void wait_for(uint32_t address, uint32_t mask, uint32_t value)
{
    while ((REGISTER(address) & mask) != value) {
    }
}

#endif
