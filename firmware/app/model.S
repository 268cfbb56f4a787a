/* SPDX-License-Identifier: Apache-2.0
 *
 * A model that is part of the image.  The build defines GROAT_MODEL_FILE.
 */
    .section .model, "a"
    .balign 16
    .incbin GROAT_MODEL_FILE
