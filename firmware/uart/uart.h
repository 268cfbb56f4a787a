/* SPDX-License-Identifier: Apache-2.0
 *
 * What the link asks of a serial line.  One implementation is linked; all of them are polled, without interrupts: the
 * host sends nothing but what the firmware waits for.
 */
#ifndef GROAT_UART_H
#define GROAT_UART_H

#include <stdint.h>

void groat_uart_start(void);

/* The next byte, or -1 if there is none yet. */
int groat_uart_poll(void);

/* Waits until there is room for the byte. */
void groat_uart_write(uint8_t byte);

#endif
