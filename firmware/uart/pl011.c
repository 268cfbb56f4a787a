/* SPDX-License-Identifier: Apache-2.0
 *
 * Arm's PrimeCell UART, PL011: 8 bits, no parity, with its FIFOs.
 */
#include "uart.h"

enum {
    DATA = 0x00,
    FLAGS = 0x18,
    FLAG_RX_EMPTY = 1 << 4,
    FLAG_TX_FULL = 1 << 5,
    DIVIDER = 0x24,
    DIVIDER_FRACTION = 0x28, /* in 64ths */
    LINE = 0x2C,
    LINE_8_BITS_FIFO = 0x70,
    CONTROL = 0x30,
    CONTROL_ON_TX_RX = 0x301
};

#define REGISTER(offset) (*(volatile uint32_t *)(uintptr_t)(GROAT_UART_ADDRESS + (offset)))

void groat_uart_start(void)
{
    /* The baud rate is a 16th of the divided clock, so this is in 64ths. */
    const uint32_t divider = (4 * GROAT_UART_CLOCK + GROAT_UART_BAUD / 2) / GROAT_UART_BAUD;
    REGISTER(DIVIDER) = divider / 64;
    REGISTER(DIVIDER_FRACTION) = divider % 64;
    REGISTER(LINE) = LINE_8_BITS_FIFO; /* it also takes over the dividers */
    REGISTER(CONTROL) = CONTROL_ON_TX_RX;
}

int groat_uart_poll(void)
{
    return (REGISTER(FLAGS) & FLAG_RX_EMPTY) ? -1 : (int)(REGISTER(DATA) & 0xFF);
}

void groat_uart_write(uint8_t byte)
{
    while (REGISTER(FLAGS) & FLAG_TX_FULL) {
    }
    REGISTER(DATA) = byte;
}
