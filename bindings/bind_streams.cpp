// SPDX-License-Identifier: Apache-2.0
//
// The walk through a stream, for the planner.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <vector>

#include "bindings.h"
#include "op_facts.h"
#include "stream_walk.h"

namespace py = pybind11;

namespace
{

// In the order of the fields of groat_walk_line, _read and _image.
using Line = std::array<uint32_t, 13>;
using Read = std::array<uint32_t, 12>;
using Image = std::array<uint32_t, 3>;

py::tuple walk_stream(const std::vector<Line> &lines, const std::vector<Read> &reads, const std::vector<Image> &images)
{
    std::vector<groat_walk_line> l;
    for (const auto &v : lines) {
        if (v[4] >= lines.size() || v[5] >= lines.size() || v[6] == 0 || v[8] == 0) {
            throw py::value_error("a line names one that does not exist, or has no span or row step");
        }
        l.push_back({v[0], v[1], v[2], v[3], v[4], v[5], static_cast<uint16_t>(v[6]), static_cast<uint16_t>(v[7]),
                     static_cast<uint8_t>(v[8]), static_cast<uint8_t>(v[9]), static_cast<uint8_t>(v[10]),
                     static_cast<uint8_t>(v[11]), static_cast<uint8_t>(v[12])});
    }
    std::vector<groat_walk_read> r;
    for (const auto &v : reads) {
        const size_t sources = v[2] != 0 ? images.size() : lines.size();
        if (v[0] >= lines.size() || v[1] >= sources || (!r.empty() && v[0] < r.back().reader)) {
            throw py::value_error("a read names a line or image that does not exist, or comes out of order");
        }
        r.push_back({v[0], v[1], v[2], v[3], v[4], static_cast<uint16_t>(v[5]), static_cast<uint16_t>(v[6]),
                     static_cast<uint16_t>(v[7]), static_cast<uint16_t>(v[8]), static_cast<uint16_t>(v[9]),
                     static_cast<uint8_t>(v[10]), static_cast<uint8_t>(v[11])});
    }
    std::vector<groat_walk_image> i;
    for (const auto &v : images) {
        i.push_back({v[0], v[1], v[2]});
    }
    std::vector<uint32_t> slots(l.size());
    std::vector<int64_t> below(l.size() * i.size());
    int done = 0;
    {
        py::gil_scoped_release release;
        done = groat_walk_stream(l.data(), static_cast<uint32_t>(l.size()), r.data(), static_cast<uint32_t>(r.size()),
                                 i.data(), static_cast<uint32_t>(i.size()), slots.data(), below.data());
    }
    if (done == 0) {
        throw std::bad_alloc();
    }
    return py::make_tuple(slots, below);
}

} // namespace

void bind_streams(py::module_ &module)
{
    module.attr("REACHES") = py::make_tuple(groat_reaches[0], groat_reaches[1], groat_reaches[2]);
    module.attr("STREAM_LINES_MAX") = static_cast<int>(GROAT_STREAM_LINES_MAX);
    module.attr("STREAM_WORK_MAX") = static_cast<int>(GROAT_STREAM_WORK_MAX);
    module.attr("STREAM_STATE_BYTES") = groat_stream_state_bytes;
    module.def("walk_stream", &walk_stream, py::arg("lines"), py::arg("reads"), py::arg("images"),
               "Walks a stream as the runtime will: (slots of each line, bytes by which each line must start before\n"
               "each image that it lies over).  The fields are those of bindings/stream_walk.h, in order.");
}
