/* SPDX-License-Identifier: Apache-2.0
 *
 * STM32F4: it stays at the 16 MHz that it begins with, which needs no crystal and no PLL.  (QEMU has no RCC, which would
 * ever say that a PLL has locked.)
 */
#include "stm32f.h"

void groat_board_start(void)
{
    stm32_start_serial();
}
