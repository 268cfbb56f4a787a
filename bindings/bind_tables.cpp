/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables that C defines and Python follows: ops.def and status.def, and the scratch that an op asks for.
 */
#include <cstring>
#include <string>
#include <vector>

#include "bindings.h"
#include "op_facts.h"

namespace py = pybind11;

namespace
{

py::list op_table()
{
    py::list rows;
#define GROAT_OP(id, NAME, name, flags, fields)                                                        \
    rows.append(py::make_tuple(id, #NAME, #name, groat_op_inplace(id) != 0, groat_op_by_rows(id) != 0, \
                               groat_op_parallel(id) != 0));
#include "ops/ops.def"
#undef GROAT_OP
    return rows;
}

py::list status_table()
{
    py::list rows;
#define GROAT_STATUS(name, code, text) rows.append(py::make_tuple(#name, code, text));
#include "status.def"
#undef GROAT_STATUS
    return rows;
}

const char *status_name(int status)
{
    switch (status) {
#define GROAT_STATUS(name, code, text) \
    case code:                         \
        return #name;
#include "status.def"
#undef GROAT_STATUS
    default:
        return "unknown";
    }
}

uint32_t scratch_bytes(uint32_t op_id, const std::string &params, uint32_t pixels, uint32_t reach)
{
    const uint32_t params_bytes = groat_op_params_bytes(op_id);
    if (params_bytes == 0) {
        throw py::value_error("op id " + std::to_string(op_id) + " is not in ops.def");
    }
    if (params.size() != params_bytes) {
        throw py::value_error("the parameters of op id " + std::to_string(op_id) + " take " +
                              std::to_string(params_bytes) + " bytes, not " + std::to_string(params.size()));
    }
    /* A struct must lie at its own alignment, which the bytes of a string need not. */
    std::vector<uint64_t> aligned(params.size() / sizeof(uint64_t) + 1);
    std::memcpy(aligned.data(), params.data(), params.size());
    return pixels > 0 ? groat_op_part_scratch_bytes(op_id, aligned.data(), pixels, reach)
                      : groat_op_scratch_bytes(op_id, aligned.data());
}

} // namespace

void raise_unless_ok(int status)
{
    if (status == GROAT_OK) {
        return;
    }
    const py::object type = py::module_::import("groat._core").attr("StatusError");
    const std::string name = status_name(status);
    const py::object error = type(name + " (" + std::to_string(status) + "): " + groat_status_text(status));
    error.attr("code") = status;
    error.attr("name") = name;
    PyErr_SetObject(type.ptr(), error.ptr());
    throw py::error_already_set();
}

void bind_tables(py::module_ &module)
{
    module.def("op_table", &op_table,
               "The rows of ops.def: (id, NAME, name, may work in place, can go row by row, can be split).");
    module.def("status_table", &status_table, "The rows of status.def: (NAME, code, text).");
    module.def(
        "scratch_bytes",
        [](uint32_t op_id, const py::bytes &params, uint32_t pixels, uint32_t reach) {
            return scratch_bytes(op_id, params, pixels, reach);
        },
        py::arg("op_id"), py::arg("params"), py::arg("pixels") = 0, py::arg("reach") = 0,
        "Bytes of scratch that an op wants for these parameters (the bytes of its C struct): for all of its output, "
        "or\n"
        "for `pixels` of a row at a time, of an input that lies as enum groat_reach says: 0 in rows with padding "
        "beside\n"
        "them, 1 in rows, 2 in pieces.");
}
