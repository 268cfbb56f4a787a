/* SPDX-License-Identifier: Apache-2.0
 *
 * The Cortex-M System Design Kit's UART: 8 bits, no parity, one byte of room each way.
 */
#include "uart.h"

enum {
    STATE_TX_FULL = 1 << 0,
    STATE_RX_FULL = 1 << 1,
    CONTROL_TX = 1 << 0,
    CONTROL_RX = 1 << 1
};

typedef struct cmsdk_uart {
    volatile uint32_t data, state, control, interrupt, divider;
} cmsdk_uart;

static cmsdk_uart *const uart = (cmsdk_uart *)GROAT_UART_ADDRESS;

void groat_uart_start(void)
{
    uart->divider = GROAT_UART_CLOCK / GROAT_UART_BAUD;
    uart->control = CONTROL_TX | CONTROL_RX;
}

int groat_uart_poll(void)
{
    return (uart->state & STATE_RX_FULL) ? (int)(uart->data & 0xFF) : -1;
}

void groat_uart_write(uint8_t byte)
{
    while (uart->state & STATE_TX_FULL) {
    }
    uart->data = byte;
}
