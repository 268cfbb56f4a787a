/* SPDX-License-Identifier: Apache-2.0
 *
 * STM32F74x and F75x: 216 MHz from the chip's own 16 MHz oscillator, and caches.  Not tried on hardware.
 */
#include "stm32f.h"

enum {
    CR_PLL_ON = 1 << 24,
    CR_PLL_READY = 1 << 25,
    PLLCFGR = RCC + 0x04,
    PLL_216_MHZ = 8 | 216 << 6 | 0 << 16 | 9 << 24, /* 16 MHz / 8 * 216 / 2 */
    CFGR = RCC + 0x08,
    CFGR_DIVIDERS = 5 << 10 | 4 << 13, /* APB1: by 4, APB2: by 2 */
    CFGR_PLL = 2,
    CFGR_IN_USE = 3 << 2,
    APB1_PWR = 1 << 28,
    PWR_CR1 = 0x40007000,
    PWR_CSR1 = 0x40007004,
    OVERDRIVE = 1 << 16, /* in both: wanted, and there */
    OVERDRIVE_SWITCH = 1 << 17,
    FLASH_ACR = 0x40023C00,
    FLASH_7_WAITS = 7 | 1 << 8 | 1 << 9 /* prefetch and its accelerator */
};

#define CCR 0xE000ED14u
#define CCR_CACHES (1u << 16 | 1u << 17)
#define CACHE_SIZES 0xE000ED80u
#define FORGET_ICACHE 0xE000EF50u
#define FORGET_SET_WAY 0xE000EF60u

static void start_caches(void)
{
    REGISTER(FORGET_ICACHE) = 0;
    const uint32_t sizes = REGISTER(CACHE_SIZES); /* of the data cache, which is selected after a reset */
    for (uint32_t set = 0; set <= (sizes >> 13 & 0x7FFF); set++) {
        for (uint32_t way = 0; way < 4; way++) {
            REGISTER(FORGET_SET_WAY) = way << 30 | set << 5;
        }
    }
    __asm__ volatile("dsb" ::: "memory");
    REGISTER(CCR) |= CCR_CACHES;
    __asm__ volatile("dsb\n isb" ::: "memory");
}

void groat_board_start(void)
{
    REGISTER(RCC_APB1) |= APB1_PWR;
    REGISTER(PLLCFGR) = PLL_216_MHZ;
    REGISTER(RCC) |= CR_PLL_ON;
    REGISTER(PWR_CR1) |= OVERDRIVE;
    wait_for(PWR_CSR1, OVERDRIVE, OVERDRIVE);
    REGISTER(PWR_CR1) |= OVERDRIVE_SWITCH;
    wait_for(PWR_CSR1, OVERDRIVE_SWITCH, OVERDRIVE_SWITCH);
    wait_for(RCC, CR_PLL_READY, CR_PLL_READY);
    REGISTER(FLASH_ACR) = FLASH_7_WAITS;
    wait_for(FLASH_ACR, FLASH_7_WAITS, FLASH_7_WAITS);
    REGISTER(CFGR) = CFGR_DIVIDERS;
    REGISTER(CFGR) = CFGR_DIVIDERS | CFGR_PLL;
    wait_for(CFGR, CFGR_IN_USE, CFGR_PLL << 2);
    start_caches();
    stm32_start_serial();
}
