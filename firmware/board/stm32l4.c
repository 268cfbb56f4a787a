/* SPDX-License-Identifier: Apache-2.0
 *
 * STM32L4R5: 48 MHz from the chip's own oscillator, and LPUART1 with its other one, at 16 MHz.  Not tried on hardware.
 */
#include "stm32.h"

enum {
    L4_RCC = 0x40021000,
    CR_MSI_RANGE_SELECTED = 1 << 3,
    CR_MSI_RANGE = 0xF << 4,
    CR_MSI_48_MHZ = 11 << 4,
    CR_MSI_READY = 1 << 1,
    CR_HSI_ON = 1 << 8,
    CR_HSI_READY = 1 << 10,
    AHB2 = L4_RCC + 0x4C,
    APB1_1 = L4_RCC + 0x58,
    APB1_1_PWR = 1 << 28,
    APB1_2 = L4_RCC + 0x5C,
    APB1_2_LPUART1 = 1 << 0,
    CCIPR = L4_RCC + 0x88,
    CCIPR_LPUART1_HSI = 2 << 10,
    PWR_CR2 = 0x40007004,
    PWR_PORT_G = 1 << 9, /* its supply is there */
    FLASH_ACR = 0x40022000,
    FLASH_WAITS = 0xF,
    FLASH_2_WAITS = 2,
    L4_GPIO = 0x48000000,
    LPUART1 = 8 /* among the functions of a pin */
};

void groat_board_start(void)
{
    REGISTER(FLASH_ACR) = (REGISTER(FLASH_ACR) & ~(uint32_t)FLASH_WAITS) | FLASH_2_WAITS;
    wait_for(FLASH_ACR, FLASH_WAITS, FLASH_2_WAITS);
    wait_for(L4_RCC, CR_MSI_READY, CR_MSI_READY);
    REGISTER(L4_RCC) = (REGISTER(L4_RCC) & ~(uint32_t)CR_MSI_RANGE) | CR_MSI_48_MHZ | CR_MSI_RANGE_SELECTED | CR_HSI_ON;
    wait_for(L4_RCC, CR_HSI_READY, CR_HSI_READY);
    REGISTER(APB1_1) |= APB1_1_PWR;
    REGISTER(APB1_2) |= APB1_2_LPUART1;
    REGISTER(CCIPR) |= CCIPR_LPUART1_HSI;
    REGISTER(AHB2) |= 1u << GROAT_UART_PIN_TX / 16 | 1u << GROAT_UART_PIN_RX / 16;
    (void)REGISTER(AHB2); /* a clock is there two cycles after it was enabled */
    REGISTER(PWR_CR2) |= PWR_PORT_G;
    stm32_pin(L4_GPIO, GROAT_UART_PIN_TX, LPUART1);
    stm32_pin(L4_GPIO, GROAT_UART_PIN_RX, LPUART1);
}
