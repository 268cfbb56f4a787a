/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts of status.def, apart from everything else so that firmware may leave them out.
 */
#include "../include/groat/groat.h"

const char *groat_status_text(int status)
{
    switch (status) {
#define GROAT_STATUS(name, code, text) \
    case code:                         \
        return text;
#include "../status.def"
#undef GROAT_STATUS
    default:
        return "unknown status";
    }
}
