/* SPDX-License-Identifier: Apache-2.0
 *
 * FE310: the 16 MHz crystal in place of an oscillator that is never twice the same; and the serial line's pins.
 */
#include "board.h"

enum {
    CRYSTAL = 0x10008004,
    PLL = 0x10008008,
    PLL_FROM_CRYSTAL = 1 << 17,
    PLL_BYPASS = 1 << 18,
    PLL_SELECT = 1 << 16,
    PLL_DIVIDER = 0x1000800C,
    PLL_DIVIDE_BY_1 = 1 << 8,
    IO_FUNCTION_ON = 0x10012038,
    IO_FUNCTION = 0x1001203C
};

#define CRYSTAL_ON (1u << 30)
#define CRYSTAL_READY (1u << 31)

void groat_board_start(void)
{
    const uint32_t pins = 1u << GROAT_UART_PIN_TX | 1u << GROAT_UART_PIN_RX;
    REGISTER(CRYSTAL) = CRYSTAL_ON;
    wait_for(CRYSTAL, CRYSTAL_READY, CRYSTAL_READY);
    REGISTER(PLL_DIVIDER) = PLL_DIVIDE_BY_1;
    REGISTER(PLL) |= PLL_FROM_CRYSTAL | PLL_BYPASS;
    REGISTER(PLL) |= PLL_SELECT;
    REGISTER(IO_FUNCTION) &= ~pins;
    REGISTER(IO_FUNCTION_ON) |= pins;
}
