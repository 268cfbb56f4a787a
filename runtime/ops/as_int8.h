/* SPDX-License-Identifier: Apache-2.0
 *
 * How ops that are written once for several types see int8.
 */
#define DTYPE GROAT_INT8
#define ELEMENT int8_t
#define WIDE(x) ((float)(x))
#define NARROW(y) ((int8_t)(y))
