/* SPDX-License-Identifier: Apache-2.0
 *
 * The USART and LPUART of ST's STM32F0, F3, F7, G, H and L4: one byte of room each way.
 */
#include "uart.h"

enum {
    CONTROL_ON = 1 << 0,
    CONTROL_RX = 1 << 2,
    CONTROL_TX = 1 << 3,
    OVERRUN_IS_NO_ERROR = 1 << 12, /* of control 3: what came too late is lost, and the link asks again */
    STATE_RX_FULL = 1 << 5,
    STATE_TX_EMPTY = 1 << 7
};

typedef struct stm32_usart {
    volatile uint32_t control1, control2, control3, divider, guard, timeout, request, state, clear, received, sent;
} stm32_usart;

static stm32_usart *const uart = (stm32_usart *)GROAT_UART_ADDRESS;

void groat_uart_start(void)
{
    uart->control1 = 0;
    uart->control3 = OVERRUN_IS_NO_ERROR;
    uart->divider = (GROAT_UART_CLOCK + GROAT_UART_BAUD / 2) / GROAT_UART_BAUD;
    uart->control1 = CONTROL_ON | CONTROL_TX | CONTROL_RX;
}

int groat_uart_poll(void)
{
    return (uart->state & STATE_RX_FULL) ? (int)(uart->received & 0xFF) : -1;
}

void groat_uart_write(uint8_t byte)
{
    while (!(uart->state & STATE_TX_EMPTY)) {
    }
    uart->sent = byte;
}
