/* SPDX-License-Identifier: Apache-2.0
 *
 * The USART of ST's STM32F1, F2 and F4: one byte of room each way.  A byte that came too late is lost; the link asks again.
 */
#include "uart.h"

enum {
    STATE_RX_FULL = 1 << 5,
    STATE_TX_EMPTY = 1 << 7,
    CONTROL_RX = 1 << 2,
    CONTROL_TX = 1 << 3,
    CONTROL_ON = 1 << 13
};

typedef struct stm32_usart {
    volatile uint32_t state, data, divider, control;
} stm32_usart;

static stm32_usart *const uart = (stm32_usart *)GROAT_UART_ADDRESS;

void groat_uart_start(void)
{
    uart->divider = (GROAT_UART_CLOCK + GROAT_UART_BAUD / 2) / GROAT_UART_BAUD;
    uart->control = CONTROL_ON | CONTROL_TX | CONTROL_RX;
}

/* Reading state and then data clears an overrun, too. */
int groat_uart_poll(void)
{
    return (uart->state & STATE_RX_FULL) ? (int)(uart->data & 0xFF) : -1;
}

void groat_uart_write(uint8_t byte)
{
    while (!(uart->state & STATE_TX_EMPTY)) {
    }
    uart->data = byte;
}
