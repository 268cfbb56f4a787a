/* SPDX-License-Identifier: Apache-2.0
 *
 * The layout of packed models: the text that cffi parses, and the sizes by which a test checks what cffi made of it.
 */
#include "bindings.h"

namespace py = pybind11;

namespace
{

const char format_cdef[] =
#include "format_cdef.inc"
    ;

py::dict struct_sizes()
{
    py::dict sizes;
#define SIZE(type) sizes[#type] = sizeof(type);
    SIZE(groat_section)
    SIZE(groat_header)
    SIZE(groat_region)
    SIZE(groat_program)
    SIZE(groat_step)
    SIZE(groat_tensor)
    SIZE(groat_buffer)
    SIZE(groat_channel)
    SIZE(groat_channel_s16)
    SIZE(groat_window)
    SIZE(groat_state)
    SIZE(groat_factor)
    SIZE(groat_recurrent)
    SIZE(groat_update)
    SIZE(groat_groups)
    SIZE(groat_matrices)
    SIZE(groat_between)
    SIZE(groat_affine)
    SIZE(groat_group_norm)
    SIZE(groat_stream)
    SIZE(groat_line)
#define GROAT_OP(id, NAME, name, flags, fields) SIZE(groat_##name##_params)
#include "ops/ops.def"
#undef GROAT_OP
#undef SIZE
    return sizes;
}

} // namespace

void bind_format(py::module_ &module)
{
    module.def(
        "format_cdef", [] { return py::str(format_cdef); },
        "The enums and structs of format.h, preprocessed for cffi.FFI().cdef().");
    module.def("struct_sizes", &struct_sizes, "Bytes of each packed struct, as the C compiler lays it out.");
}
