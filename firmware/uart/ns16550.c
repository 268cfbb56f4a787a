/* SPDX-License-Identifier: Apache-2.0
 *
 * The 16550, with its registers one byte apart: 8 bits, no parity.
 */
#include "uart.h"

enum {
    DATA = 0,
    DIVIDER_LOW = 0,
    DIVIDER_HIGH = 1,
    FIFO = 2,
    FIFO_ON = 1,
    LINE = 3,
    LINE_8_BITS = 3,
    LINE_DIVIDER = 0x80,
    STATE = 5,
    STATE_RX_FULL = 1 << 0,
    STATE_TX_EMPTY = 1 << 5,
    CLOCKS_PER_BIT = 16
};

static volatile uint8_t *const uart = (volatile uint8_t *)GROAT_UART_ADDRESS;

void groat_uart_start(void)
{
    const uint32_t divider = GROAT_UART_CLOCK / (CLOCKS_PER_BIT * GROAT_UART_BAUD);
    uart[LINE] = LINE_DIVIDER;
    uart[DIVIDER_LOW] = (uint8_t)divider;
    uart[DIVIDER_HIGH] = (uint8_t)(divider >> 8);
    uart[LINE] = LINE_8_BITS;
    uart[FIFO] = FIFO_ON;
}

int groat_uart_poll(void)
{
    return (uart[STATE] & STATE_RX_FULL) ? uart[DATA] : -1;
}

void groat_uart_write(uint8_t byte)
{
    while (!(uart[STATE] & STATE_TX_EMPTY)) {
    }
    uart[DATA] = byte;
}
