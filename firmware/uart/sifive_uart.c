/* SPDX-License-Identifier: Apache-2.0
 *
 * SiFive's UART: 8 bits, no parity, eight bytes of room each way.
 */
#include "uart.h"

#define NOT_NOW (1u << 31) /* no room for a byte; no byte */

enum {
    CONTROL_ON = 1
};

typedef struct sifive_uart {
    volatile uint32_t sent, received, control_tx, control_rx, interrupt_on, interrupt, divider;
} sifive_uart;

static sifive_uart *const uart = (sifive_uart *)GROAT_UART_ADDRESS;

void groat_uart_start(void)
{
    uart->divider = (GROAT_UART_CLOCK + GROAT_UART_BAUD / 2) / GROAT_UART_BAUD - 1;
    uart->control_tx = CONTROL_ON;
    uart->control_rx = CONTROL_ON;
}

int groat_uart_poll(void)
{
    const uint32_t got = uart->received;
    return (got & NOT_NOW) ? -1 : (int)(got & 0xFF);
}

void groat_uart_write(uint8_t byte)
{
    while (uart->sent & NOT_NOW) {
    }
    uart->sent = byte;
}
