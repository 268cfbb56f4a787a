/* SPDX-License-Identifier: Apache-2.0
 *
 * The UART of the nRF51 and, as its legacy peripheral, of the nRF52: six bytes of room for what comes, one for what goes.
 */
#include "uart.h"

enum {
    START_RX = 0x000,
    START_TX = 0x008,
    RX_READY = 0x108,
    TX_READY = 0x11C,
    ENABLE = 0x500,
    ENABLE_UART = 4,
    PIN_TX = 0x50C,
    PIN_RX = 0x514,
    RX_DATA = 0x518,
    TX_DATA = 0x51C,
    BAUD = 0x524
};

#define REGISTER(offset) (*(volatile uint32_t *)(uintptr_t)(GROAT_UART_ADDRESS + (offset)))

static uint8_t is_sending;

void groat_uart_start(void)
{
#ifdef GROAT_UART_PIN_TX
    REGISTER(PIN_TX) = GROAT_UART_PIN_TX;
    REGISTER(PIN_RX) = GROAT_UART_PIN_RX;
#endif
    /* In units of the 16 MHz clock over 2^32, of which the lowest 12 bits are not there. */
    REGISTER(BAUD) = (uint32_t)(((uint64_t)GROAT_UART_BAUD << 32) / GROAT_UART_CLOCK + 0x800) & 0xFFFFF000u;
    REGISTER(ENABLE) = ENABLE_UART;
    REGISTER(START_RX) = 1;
    REGISTER(START_TX) = 1;
    is_sending = 0;
}

int groat_uart_poll(void)
{
    if (!REGISTER(RX_READY)) {
        return -1;
    }
    REGISTER(RX_READY) = 0; /* before the byte is taken: the next one sets it again */
    return (int)(REGISTER(RX_DATA) & 0xFF);
}

void groat_uart_write(uint8_t byte)
{
    while (is_sending && !REGISTER(TX_READY)) {
    }
    REGISTER(TX_READY) = 0;
    REGISTER(TX_DATA) = byte;
    is_sending = 1;
}
