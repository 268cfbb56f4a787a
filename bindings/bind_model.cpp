/* SPDX-License-Identifier: Apache-2.0
 *
 * groat._core.Model: a packed model opened by the C runtime of this host.
 */
#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "bindings.h"

namespace py = pybind11;

namespace
{

/* The bytes of a packed model, copied to where the runtime can read them in place. */
struct Packed {
    explicit Packed(py::handle data)
    {
        const View view(data, PyBUF_SIMPLE);
        if (view.size() > UINT32_MAX) {
            throw py::value_error("a packed model has at most 4 GiB");
        }
        bytes = allocate(view.size());
        size = static_cast<uint32_t>(view.size());
        std::copy_n(view.data(), view.size(), bytes.get());
    }

    Aligned bytes;
    uint32_t size;
};

void require_index(const char *what, uint32_t index, uint32_t count)
{
    if (index >= count) {
        throw py::index_error(std::string(what) + " " + std::to_string(index) + " does not exist: the model has " +
                              std::to_string(count));
    }
}

/* ---- The model ----------------------------------------------------------------------------------- */

class Model
{
  public:
    explicit Model(const py::object &data) : packed_(data)
    {
        raise_unless_ok(groat_check_crc(packed_.bytes.get(), packed_.size));
        std::vector<groat_memory> memories;
        while (const uint32_t bytes =
                   groat_region_bytes(packed_.bytes.get(), packed_.size, static_cast<uint32_t>(memories.size()))) {
            regions_.push_back(allocate(bytes));
            memories.push_back({regions_.back().get(), bytes});
            arena_bytes_ += bytes;
        }
        raise_unless_ok(groat_open_regions(&net_, packed_.bytes.get(), packed_.size, memories.data(),
                                           static_cast<uint32_t>(memories.size())));
        /* Only now: a file that was refused may have asked for any amount. */
        for (const groat_memory &memory : memories) {
            std::memset(memory.start, 0, memory.bytes);
        }
        groat_reset_states(&net_);
        groat_set_row_io(&net_, &io_);
        make_row_buffers();
    }

    void select(uint32_t program)
    {
        require_index("program", program, header()->programs.count);
        const Turn turn(*this);
        raise_unless_ok(groat_select(&net_, program));
        make_row_buffers();
    }

    void reset()
    {
        const Turn turn(*this);
        groat_reset_states(&net_);
    }

    void set_state(uint32_t index, const py::object &data)
    {
        require_index("state", index, groat_state_count(&net_));
        const View view(data, PyBUF_SIMPLE);
        if (view.size() != groat_state_bytes(&net_, index)) {
            throw py::value_error("state " + std::to_string(index) + " takes " +
                                  std::to_string(groat_state_bytes(&net_, index)) + " bytes, not " +
                                  std::to_string(view.size()));
        }
        const Turn turn(*this);
        std::copy_n(view.data(), view.size(), static_cast<uint8_t *>(groat_state_data(&net_, index)));
    }

    uint32_t input_count() const
    {
        return groat_input_count(&net_);
    }
    uint32_t output_count() const
    {
        return groat_output_count(&net_);
    }
    uint32_t step_count() const
    {
        return groat_step_count(&net_);
    }
    uint32_t arena_bytes() const
    {
        return arena_bytes_;
    }

    py::tuple input_info(uint32_t index) const
    {
        require_index("input", index, input_count());
        return info(groat_input_tensor(&net_, index));
    }
    py::tuple output_info(uint32_t index) const
    {
        require_index("output", index, output_count());
        return info(groat_output_tensor(&net_, index));
    }
    py::tuple tensor_info(uint32_t id) const
    {
        require_index("tensor", id, tensor_count());
        return info(groat_tensor_at(&net_, id));
    }

    void set_input(uint32_t index, const py::object &data)
    {
        require_index("input", index, input_count());
        const View view(data, PyBUF_SIMPLE);
        if (view.size() != groat_input_bytes(&net_, index)) {
            throw py::value_error("input " + std::to_string(index) + " takes " +
                                  std::to_string(groat_input_bytes(&net_, index)) + " bytes, not " +
                                  std::to_string(view.size()));
        }
        const Turn turn(*this);
        std::copy_n(view.data(), view.size(), input(index));
    }

    py::bytes get_output(uint32_t index)
    {
        require_index("output", index, output_count());
        const Turn turn(*this);
        return py::bytes(reinterpret_cast<const char *>(output(index)), groat_output_bytes(&net_, index));
    }

    py::bytes tensor(uint32_t id)
    {
        require_index("tensor", id, tensor_count());
        const Turn turn(*this);
        if (groat_tensor_data(&net_, id) == nullptr) {
            throw py::value_error("tensor " + std::to_string(id) +
                                  " is streamed: there is memory for some of its rows only");
        }
        return py::bytes(static_cast<const char *>(groat_tensor_data(&net_, id)), groat_tensor_bytes(&net_, id));
    }

    void run()
    {
        const Turn turn(*this);
        const py::gil_scoped_release release;
        groat_run(&net_);
    }

    void run_step(uint32_t index)
    {
        require_index("step", index, step_count());
        const Turn turn(*this);
        const py::gil_scoped_release release;
        groat_run_step(&net_, index);
    }

    py::list run_batch(const py::sequence &inputs)
    {
        const std::deque<View> views = batch_views(inputs);
        const size_t runs = static_cast<size_t>(views.front()->shape[0]);

        py::list results;
        std::vector<char *> outputs;
        for (uint32_t i = 0; i < output_count(); i++) {
            /* Not seen by any other code until this returns, so it may be filled without the GIL. */
            py::bytes result(nullptr, runs * groat_output_bytes(&net_, i));
            outputs.push_back(PyBytes_AS_STRING(result.ptr()));
            results.append(std::move(result));
        }

        const Turn turn(*this);
        const py::gil_scoped_release release;
        for (size_t run = 0; run < runs; run++) {
            for (uint32_t i = 0; i < views.size(); i++) {
                const uint32_t bytes = groat_input_bytes(&net_, i);
                std::memcpy(input(i), views[i].data() + run * bytes, bytes);
            }
            groat_run(&net_);
            for (uint32_t i = 0; i < outputs.size(); i++) {
                const uint32_t bytes = groat_output_bytes(&net_, i);
                std::memcpy(outputs[i] + run * bytes, output(i), bytes);
            }
        }
        return results;
    }

  private:
    /* Calls on one model must not overlap, but the GIL is released while it runs: whoever comes second is told. */
    class Turn
    {
      public:
        explicit Turn(Model &model) : model_(model)
        {
            if (model.busy_.exchange(true)) {
                throw std::runtime_error("the model is running in another thread; give each thread a Model of its own");
            }
        }
        ~Turn()
        {
            model_.busy_ = false;
        }
        Turn(const Turn &) = delete;
        Turn &operator=(const Turn &) = delete;

      private:
        Model &model_;
    };

    /* Where an input is written, or an output read: in the arena, or here if it goes row by row. */
    uint8_t *input(uint32_t index)
    {
        void *whole = groat_input(&net_, index);
        return whole != nullptr ? static_cast<uint8_t *>(whole) : inputs_[index].data();
    }
    const uint8_t *output(uint32_t index) const
    {
        const void *whole = groat_output(&net_, index);
        return whole != nullptr ? static_cast<const uint8_t *>(whole) : outputs_[index].data();
    }

    /* Of inputs and outputs of the program that go row by row. */
    void make_row_buffers()
    {
        inputs_.assign(input_count(), {});
        outputs_.assign(output_count(), {});
        for (uint32_t i = 0; i < input_count(); i++) {
            if (groat_input_by_rows(&net_, i)) {
                inputs_[i].resize(groat_input_bytes(&net_, i));
            }
        }
        for (uint32_t i = 0; i < output_count(); i++) {
            if (groat_output_by_rows(&net_, i)) {
                outputs_[i].resize(groat_output_bytes(&net_, i));
            }
        }
    }

    static void read_row(void *context, uint32_t index, uint32_t row, void *to, uint32_t bytes)
    {
        const Model *model = static_cast<const Model *>(context);
        std::memcpy(to, model->inputs_[index].data() + size_t{row} * bytes, bytes);
    }
    static void write_row(void *context, uint32_t index, uint32_t row, const void *from, uint32_t bytes)
    {
        Model *model = static_cast<Model *>(context);
        std::memcpy(model->outputs_[index].data() + size_t{row} * bytes, from, bytes);
    }

    uint32_t tensor_count() const
    {
        return header()->tensors.count;
    }

    const groat_header *header() const
    {
        return reinterpret_cast<const groat_header *>(packed_.bytes.get());
    }

    py::tuple info(const groat_tensor *tensor) const
    {
        const char *names = reinterpret_cast<const char *>(packed_.bytes.get()) + header()->names.offset;
        const char *name = names + tensor->name;
        const auto text = py::reinterpret_steal<py::object>(
            PyUnicode_DecodeUTF8(name, static_cast<Py_ssize_t>(std::strlen(name)), "replace"));
        py::tuple shape(tensor->rank);
        for (size_t i = 0; i < tensor->rank; i++) {
            shape[i] = tensor->dims[i];
        }
        return py::make_tuple(text, tensor->dtype, shape, tensor->scale, tensor->zero_point);
    }

    /* One array [n, bytes] of single bytes for each input, all of the same n. */
    std::deque<View> batch_views(const py::sequence &inputs) const
    {
        if (inputs.size() != input_count() || inputs.size() == 0) {
            throw py::value_error("the model has " + std::to_string(input_count()) + " inputs; got " +
                                  std::to_string(inputs.size()) + " arrays");
        }
        std::deque<View> views;
        for (uint32_t i = 0; i < input_count(); i++) {
            const py::object array = inputs[i];
            const View &view = views.emplace_back(array, PyBUF_ND);
            const Py_ssize_t bytes = groat_input_bytes(&net_, i);
            if (view->ndim != 2 || view->itemsize != 1 || view->shape[1] != bytes ||
                view->shape[0] != views.front()->shape[0]) {
                throw py::value_error("input " + std::to_string(i) +
                                      " of a batch must be a contiguous uint8 array [n, " + std::to_string(bytes) +
                                      "], with the same n for every input");
            }
        }
        return views;
    }

    Packed packed_;
    std::vector<Aligned> regions_;
    uint32_t arena_bytes_ = 0; /* of all of them */
    groat_t net_ = {};
    groat_row_io io_ = {read_row, write_row, this};
    std::vector<std::vector<uint8_t>> inputs_; /* of those that go row by row; others are empty */
    std::vector<std::vector<uint8_t>> outputs_;
    std::atomic<bool> busy_{false};
};

int crc_status(const py::object &data)
{
    const Packed packed(data);
    return groat_check_crc(packed.bytes.get(), packed.size);
}

int open_status(const py::object &data, const py::args &region_bytes)
{
    const Packed packed(data);
    // Opening never touches an arena, so a model may be checked for one that this host could not spare.
    alignas(GROAT_ALIGN) static uint8_t arena[GROAT_ALIGN];
    std::vector<groat_memory> memories;
    for (const py::handle bytes : region_bytes) {
        memories.push_back({arena, bytes.cast<uint32_t>()});
    }
    groat_t net;
    return groat_open_regions(&net, packed.bytes.get(), packed.size, memories.data(),
                              static_cast<uint32_t>(memories.size()));
}

} // namespace

void bind_model(py::module_ &module)
{
    module.attr("StatusError") = py::reinterpret_steal<py::object>(PyErr_NewExceptionWithDoc(
        "groat._core.StatusError",
        "A call of the C runtime failed: `code` is its status, `name` the name in status.def.", PyExc_ValueError,
        nullptr));

    // Local to its module: the same class is in every kernel set's.
    py::class_<Model>(module, "Model", py::module_local(),
                      "A packed model, opened on this host with an arena of its own.")
        .def(py::init<const py::object &>(), py::arg("data"),
             "Copies the packed model, checks its checksum and opens it; StatusError if it is refused.")
        .def_property_readonly("input_count", &Model::input_count)
        .def_property_readonly("output_count", &Model::output_count)
        .def_property_readonly("step_count", &Model::step_count)
        .def_property_readonly("arena_bytes", &Model::arena_bytes)
        .def("input_info", &Model::input_info, py::arg("index"), "(name, dtype code, shape, scale, zero_point)")
        .def("output_info", &Model::output_info, py::arg("index"), "(name, dtype code, shape, scale, zero_point)")
        .def("tensor_info", &Model::tensor_info, py::arg("id"), "(name, dtype code, shape, scale, zero_point)")
        .def("set_input", &Model::set_input, py::arg("index"), py::arg("data"),
             "Copies a contiguous buffer into an input; ValueError unless it has exactly the input's length.")
        .def("get_output", &Model::get_output, py::arg("index"), "A copy of an output; valid after a run.")
        .def("select", &Model::select, py::arg("program"), "Chooses the program that all calls mean from now on.")
        .def("reset", &Model::reset, "Gives all states their first contents.")
        .def("set_state", &Model::set_state, py::arg("index"), py::arg("data"),
             "Copies a contiguous buffer into a state; ValueError unless it has exactly the state's length.")
        .def("run", &Model::run, "Runs the program once. Set all inputs before: a run may overwrite them.")
        .def("run_step", &Model::run_step, py::arg("index"), "Runs one step; all of them in order are one run().")
        .def("tensor", &Model::tensor, py::arg("id"),
             "A copy of what a tensor's memory holds now; its elements only while the tensor is alive.")
        .def("run_batch", &Model::run_batch, py::arg("inputs"),
             "Runs once for each row of contiguous uint8 arrays [n, input bytes], one to an input; "
             "returns n * output bytes for each output. Other Python threads run meanwhile.")
        .def_static("crc_status", &crc_status, py::arg("data"), "What groat_check_crc returns for these bytes.")
        .def_static("open_status", &open_status, py::arg("data"),
                    "What groat_open_regions returns for these bytes and memories of these sizes.");
}
