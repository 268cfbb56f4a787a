/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this extension share.  Each topic is one bind_*.cpp; module.cpp wires them together.
 */
#ifndef GROAT_BINDINGS_H
#define GROAT_BINDINGS_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include <pybind11/pybind11.h>

#include <groat/groat.h>

/* ---- Topics -------------------------------------------------------------------------------------- */

void bind_format(pybind11::module_ &module);
void bind_tables(pybind11::module_ &module);
void bind_model(pybind11::module_ &module);
void bind_streams(pybind11::module_ &module);
void bind_replay(pybind11::module_ &module);

/* ---- Errors -------------------------------------------------------------------------------------- */

/* Raises StatusError for any status but GROAT_OK. */
void raise_unless_ok(int status);

/* ---- Memory -------------------------------------------------------------------------------------- */

struct AlignedDelete {
    void operator()(uint8_t *bytes) const
    {
        ::operator delete(bytes, std::align_val_t{GROAT_ALIGN});
    }
};

/* Aligned as the runtime wants it and exactly as long as asked for: a sanitizer sees one byte too many. */
using Aligned = std::unique_ptr<uint8_t, AlignedDelete>;

inline Aligned allocate(size_t count)
{
    return Aligned(static_cast<uint8_t *>(::operator new(count, std::align_val_t{GROAT_ALIGN})));
}

/* A Python object's buffer, held for as long as this lives. */
class View
{
  public:
    View(pybind11::handle object, int flags)
    {
        if (PyObject_GetBuffer(object.ptr(), &view_, flags) != 0) {
            throw pybind11::error_already_set();
        }
    }
    ~View()
    {
        PyBuffer_Release(&view_);
    }
    View(const View &) = delete;
    View &operator=(const View &) = delete;

    const Py_buffer *operator->() const
    {
        return &view_;
    }
    const uint8_t *data() const
    {
        return static_cast<const uint8_t *>(view_.buf);
    }
    size_t size() const
    {
        return static_cast<size_t>(view_.len);
    }

  private:
    Py_buffer view_;
};

#endif
