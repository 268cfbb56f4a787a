/* SPDX-License-Identifier: Apache-2.0
 *
 * STM32F74x and F75x, and F76x and F77x with one bank: sectors of 32, 128 and 256 KB.
 */
#define GROAT_FLASH_UNIT 0x8000u
#include "stm32f_flash.h"
