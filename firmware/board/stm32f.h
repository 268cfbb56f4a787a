/* SPDX-License-Identifier: Apache-2.0
 *
 * What ST's F4 and F7 have in common: where the serial lines, their clocks and the pins are.
 */
#ifndef GROAT_BOARD_STM32F_H
#define GROAT_BOARD_STM32F_H

#include "stm32.h"

enum {
    RCC = 0x40023800,
    RCC_AHB1 = RCC + 0x30,
    RCC_APB1 = RCC + 0x40,
    RCC_APB2 = RCC + 0x44,
    GPIO = 0x40020000,
    USART1 = 0x40011000, /* and USART6 behind it */
    USART2 = 0x40004400  /* and USART3, UART4 and UART5 behind it */
};

/* Clocks and pins of the board's serial line, one of USART1 to 6. */
static inline void stm32_start_serial(void)
{
    const uint32_t second = GROAT_UART_ADDRESS >= USART1;
    const uint32_t index = (GROAT_UART_ADDRESS - (second ? USART1 : USART2)) / 0x400;
    /* UART4 and later, and USART6, have another number among the functions of a pin. */
    const uint32_t alternate = (second && index > 0) || (!second && index > 1) ? 8 : 7;
    REGISTER(RCC_AHB1) |= 1u << GROAT_UART_PIN_TX / 16 | 1u << GROAT_UART_PIN_RX / 16;
    if (second) {
        REGISTER(RCC_APB2) |= 1u << (4 + index);
    } else {
        REGISTER(RCC_APB1) |= 1u << (17 + index);
    }
    (void)REGISTER(RCC_APB2); /* a clock is there two cycles after it was enabled */
    stm32_pin(GPIO, GROAT_UART_PIN_TX, alternate);
    stm32_pin(GPIO, GROAT_UART_PIN_RX, alternate);
}

#endif
