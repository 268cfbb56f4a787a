/* SPDX-License-Identifier: Apache-2.0
 *
 * nRF51 and nRF52: the crystal, without which the serial line's clock is off by too much; and the line's pins.
 */
#include "board.h"

enum {
    CLOCK_START = 0x40000000,
    CLOCK_STARTED = 0x40000100,
    GPIO = 0x50000000,
    OUT_SET = GPIO + 0x508,
    PINS = GPIO + 0x700,
    PIN_IN = 0 << 0 | 0 << 1 | 3 << 2, /* pulled up: an open line reads as silence */
    PIN_OUT = 1 << 0 | 1 << 1
};

void groat_board_start(void)
{
    REGISTER(CLOCK_STARTED) = 0;
    REGISTER(CLOCK_START) = 1;
    wait_for(CLOCK_STARTED, 1, 1);
    REGISTER(OUT_SET) = 1u << GROAT_UART_PIN_TX;
    REGISTER(PINS + 4 * GROAT_UART_PIN_TX) = PIN_OUT;
    REGISTER(PINS + 4 * GROAT_UART_PIN_RX) = PIN_IN;
}
