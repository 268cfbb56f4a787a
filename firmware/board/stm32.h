/* SPDX-License-Identifier: Apache-2.0
 *
 * What ST's chips have in common.  A pin's number is 16 times its port, A being 0, and the pin.
 */
#ifndef GROAT_BOARD_STM32_H
#define GROAT_BOARD_STM32_H

#include "board.h"

enum {
    GPIO_PORT_BYTES = 0x400,
    GPIO_MODE = 0x00,
    GPIO_PULL = 0x0C,
    GPIO_ALTERNATE = 0x20,
    MODE_ALTERNATE = 2,
    PULL_UP = 1 /* an open line reads as silence */
};

/* Gives a pin to a peripheral; its port has its clock. */
static inline void stm32_pin(uint32_t gpio, uint32_t number, uint32_t alternate)
{
    const uint32_t port = gpio + number / 16 * GPIO_PORT_BYTES, pin = number % 16;
    const uint32_t half = port + GPIO_ALTERNATE + pin / 8 * 4;
    REGISTER(half) = (REGISTER(half) & ~(0xFu << pin % 8 * 4)) | alternate << pin % 8 * 4;
    REGISTER(port + GPIO_PULL) = (REGISTER(port + GPIO_PULL) & ~(3u << pin * 2)) | PULL_UP << pin * 2;
    REGISTER(port + GPIO_MODE) = (REGISTER(port + GPIO_MODE) & ~(3u << pin * 2)) | MODE_ALTERNATE << pin * 2;
}

#endif
