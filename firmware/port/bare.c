/* SPDX-License-Identifier: Apache-2.0
 *
 * A machine with nothing but a serial line.  Text goes there too, between frames, and ends with a zero as they do: the
 * host shows what is no frame.  The end of the program is a new start.
 */
#include "port.h"

#include "../startup/startup.h"
#include "../uart/uart.h"

_Noreturn void groat_exit(int code)
{
    (void)code;
#if defined(__arm__)
    enum {
        AIRCR = (int)0xE000ED0C,
        SYSTEM_RESET = 0x05FA0004
    };
    for (;;) {
        *(volatile uint32_t *)AIRCR = SYSTEM_RESET;
    }
#else
    groat_reset();
#endif
}

void groat_print(const char *text)
{
    while (*text != 0) {
        groat_uart_write((uint8_t)*text++);
    }
}
