/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this extension share.  Each topic is one bind_*.cpp; module.cpp wires them together.
 */
#ifndef GROAT_BINDINGS_H
#define GROAT_BINDINGS_H

#include <pybind11/pybind11.h>

#include <groat/groat.h>

void bind_format(pybind11::module_ &module);
void bind_tables(pybind11::module_ &module);
void bind_model(pybind11::module_ &module);
void bind_streams(pybind11::module_ &module);

#endif
