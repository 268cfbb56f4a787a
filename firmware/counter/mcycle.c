/* SPDX-License-Identifier: Apache-2.0
 *
 * RISC-V's own count of cycles.
 */
#define COUNTER "mcycle"
#include "riscv_counter.h"
