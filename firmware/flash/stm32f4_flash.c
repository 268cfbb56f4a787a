/* SPDX-License-Identifier: Apache-2.0
 *
 * STM32F4: sectors of 16, 64 and 128 KB, in the first megabyte.
 */
#define GROAT_FLASH_UNIT 0x4000u
#include "stm32f_flash.h"
