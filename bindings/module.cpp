/* SPDX-License-Identifier: Apache-2.0
 *
 * groat._core and its likes with other kernels: the C runtime as Python sees it.  Only conversions live here, never an algorithm.
 */
#include "bindings.h"

PYBIND11_MODULE(GROAT_MODULE, module)
{
    module.doc() = "The Groat runtime on this host, its op table, and the layout of packed models.";
    bind_format(module);
    bind_tables(module);
    bind_model(module);
    bind_streams(module);
    bind_replay(module);
}
