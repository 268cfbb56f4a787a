/* SPDX-License-Identifier: Apache-2.0
 *
 * The ops of tests/support/learner.py.
 */
GROAT_USE(ADD_FLOAT32, add_float32)
GROAT_USE(MUL_FLOAT32, mul_float32)
