/* SPDX-License-Identifier: Apache-2.0
 *
 * groat._core.ReplayBuffer: a latent replay buffer of the C runtime, in memory of its own.
 */
#include <algorithm>
#include <cstring>
#include <string>

#include "bindings.h"

#include <groat/replay.h>

namespace py = pybind11;

namespace
{

uint32_t bytes_of(uint8_t dtype)
{
    return dtype == GROAT_FLOAT32 ? 4 : dtype == GROAT_FLOAT16 ? 2 : 1;
}

class ReplayBuffer
{
  public:
    ReplayBuffer(uint32_t elements, uint32_t capacity, uint32_t policy, uint32_t seed, float scale, int32_t zero_point)
        : bytes_(groat_replay_bytes(elements, capacity)),
          memory_(allocate(std::max<size_t>(bytes_, sizeof(groat_replay))))
    {
        const groat_replay_config config = {elements, capacity, policy, seed, scale, zero_point};
        raise_unless_ok(groat_replay_init(replay(), bytes_, &config));
    }

    explicit ReplayBuffer(const py::object &data) : bytes_(0)
    {
        const View view(data, PyBUF_SIMPLE);
        if (view.size() > UINT32_MAX) {
            throw py::value_error("a replay buffer has at most 4 GiB");
        }
        bytes_ = static_cast<uint32_t>(view.size());
        memory_ = allocate(view.size());
        std::copy_n(view.data(), view.size(), memory_.get());
        raise_unless_ok(groat_replay_check(replay(), bytes_));
    }

    py::bytes memory() const
    {
        return py::bytes(reinterpret_cast<const char *>(memory_.get()), bytes_);
    }
    uint32_t count() const
    {
        return groat_replay_count(replay());
    }

    bool full() const
    {
        return replay()->config.policy == GROAT_REPLAY_FILL && count() == replay()->config.capacity;
    }

    void add(const py::object &data, uint8_t dtype, int32_t label)
    {
        const View view(data, PyBUF_SIMPLE);
        if (view.size() != size_t{elements()} * bytes_of(dtype)) {
            throw py::value_error("a sample takes " + std::to_string(size_t{elements()} * bytes_of(dtype)) +
                                  " bytes, not " + std::to_string(view.size()));
        }
        const Aligned sample = allocate(view.size());
        std::copy_n(view.data(), view.size(), sample.get());
        raise_unless_ok(groat_replay_add(replay(), dtype, sample.get(), label));
    }

    py::tuple get(uint32_t index, uint8_t dtype) const
    {
        if (index >= count()) {
            throw py::index_error("sample " + std::to_string(index) + " does not exist: the buffer has " +
                                  std::to_string(count()));
        }
        const size_t bytes = size_t{elements()} * bytes_of(dtype);
        const Aligned sample = allocate(bytes);
        int32_t label = 0;
        raise_unless_ok(groat_replay_get(replay(), index, dtype, sample.get(), &label));
        return py::make_tuple(py::bytes(reinterpret_cast<const char *>(sample.get()), bytes), label);
    }

    uint32_t draw()
    {
        uint32_t index = 0;
        raise_unless_ok(groat_replay_draw(replay(), &index));
        return index;
    }

    uint32_t elements() const
    {
        return replay()->config.elements;
    }

  private:
    groat_replay *replay() const
    {
        return reinterpret_cast<groat_replay *>(memory_.get());
    }

    uint32_t bytes_;
    Aligned memory_;
};

} // namespace

void bind_replay(py::module_ &module)
{
    py::class_<ReplayBuffer>(module, "ReplayBuffer", py::module_local(),
                             "Samples as int8, and the choice of which to keep and which to draw.")
        .def(py::init<uint32_t, uint32_t, uint32_t, uint32_t, float, int32_t>(), py::arg("elements"),
             py::arg("capacity"), py::arg("policy"), py::arg("seed"), py::arg("scale"), py::arg("zero_point"),
             "An empty buffer; StatusError for a configuration that makes no sense.")
        .def(py::init<const py::object &>(), py::arg("memory"),
             "The buffer that memory() gave; StatusError if the bytes are none.")
        .def("memory", &ReplayBuffer::memory, "All of the buffer, generator included.")
        .def_property_readonly("count", &ReplayBuffer::count, "How many samples there are.")
        .def_property_readonly("full", &ReplayBuffer::full, "Whether it refuses further samples.")
        .def_property_readonly("elements", &ReplayBuffer::elements, "Of one sample.")
        .def("add", &ReplayBuffer::add, py::arg("data"), py::arg("dtype"), py::arg("label"),
             "Offers a sample: contiguous elements of a dtype of format.h.")
        .def("get", &ReplayBuffer::get, py::arg("index"), py::arg("dtype"), "(bytes of a sample, its label)")
        .def("draw", &ReplayBuffer::draw, "The index of a sample, each with the same probability.");
}
