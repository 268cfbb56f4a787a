/* SPDX-License-Identifier: Apache-2.0
 *
 * RP2040: 125 MHz from the 12 MHz crystal, which the serial line has for itself; the timer's tick.  Not tried on hardware.
 */
#include "board.h"

enum {
    CLEAR = 0x3000, /* behind a register's address: a write clears bits */
    RESETS = 0x4000C000,
    RESETS_DONE = RESETS + 8,
    UNIT_IO = 1 << 5,
    UNIT_PADS = 1 << 8,
    UNIT_PLL = 1 << 12,
    UNIT_TIMER = 1 << 21,
    UNIT_UART0 = 1 << 22,
    XOSC = 0x40024000,
    XOSC_1_TO_15_MHZ_ON = 0xFABAA0,
    XOSC_STATUS = XOSC + 4,
    XOSC_STARTUP = XOSC + 0xC,
    XOSC_1_MS = 47, /* times 256 cycles */
    CLOCK_REFERENCE = 0x40008030,
    REFERENCE_XOSC = 2,
    CLOCK_SYSTEM = 0x4000803C,
    SYSTEM_PLL = 1,
    SELECTED = 8, /* behind a clock's address: a bit for each source */
    CLOCK_PERIPHERALS = 0x40008048,
    PERIPHERALS_XOSC_ON = 1 << 11 | 4 << 5,
    PLL = 0x40028000,
    PLL_POWER = PLL + 4,
    POWER_DOWN = 1 << 0,
    POWER_DOWN_DIVIDER = 1 << 3,
    POWER_DOWN_VCO = 1 << 5,
    PLL_MULTIPLIER = PLL + 8,
    PLL_DIVIDERS = PLL + 0xC,
    DIVIDE_BY_6_BY_2 = 6 << 16 | 2 << 12, /* 12 MHz * 125 / 12 */
    TICK = 0x4005802C,
    TICK_ON_BY_12 = 1 << 9 | 12,
    IO = 0x40014004,
    IO_UART = 2
};

#define READY (1u << 31)

static void start(uint32_t units)
{
    REGISTER(RESETS + CLEAR) = units;
    wait_for(RESETS_DONE, units, units);
}

void groat_board_start(void)
{
    REGISTER(XOSC_STARTUP) = XOSC_1_MS;
    REGISTER(XOSC) = XOSC_1_TO_15_MHZ_ON;
    wait_for(XOSC_STATUS, READY, READY);
    REGISTER(CLOCK_REFERENCE) = REFERENCE_XOSC;
    wait_for(CLOCK_REFERENCE + SELECTED, 1 << REFERENCE_XOSC, 1 << REFERENCE_XOSC);
    start(UNIT_PLL);
    REGISTER(PLL) = 1; /* the crystal as it is */
    REGISTER(PLL_MULTIPLIER) = 125;
    REGISTER(PLL_POWER + CLEAR) = POWER_DOWN | POWER_DOWN_VCO;
    wait_for(PLL, READY, READY);
    REGISTER(PLL_DIVIDERS) = DIVIDE_BY_6_BY_2;
    REGISTER(PLL_POWER + CLEAR) = POWER_DOWN_DIVIDER;
    REGISTER(CLOCK_SYSTEM) = SYSTEM_PLL;
    wait_for(CLOCK_SYSTEM + SELECTED, 1 << SYSTEM_PLL, 1 << SYSTEM_PLL);
    REGISTER(CLOCK_PERIPHERALS) = PERIPHERALS_XOSC_ON;
    REGISTER(TICK) = TICK_ON_BY_12;
    start(UNIT_IO | UNIT_PADS | UNIT_TIMER | UNIT_UART0);
    REGISTER(IO + 8 * GROAT_UART_PIN_TX) = IO_UART;
    REGISTER(IO + 8 * GROAT_UART_PIN_RX) = IO_UART;
}
