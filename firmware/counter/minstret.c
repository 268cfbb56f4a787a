/* SPDX-License-Identifier: Apache-2.0
 *
 * RISC-V's own count of retired instructions.
 */
#define COUNTER "minstret"
#include "riscv_counter.h"
