# SPDX-License-Identifier: Apache-2.0
"""Kernels called from Python with another layout of their weights than the usual one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LAYOUT: ContextVar[str | None] = ContextVar("groat_layout", default=None)


@contextmanager
def use_layout(name: str) -> Iterator[None]:
    """Calls of kernels inside take the layout of this name (as `groat pack` reports them) where their kernel set
    offers it, and their usual one elsewhere.

        with groat.kernels.use_layout("winograd 4x4"):
            y = groat.kernels.conv2d(x, weights, …, padding="same", isa="dsp")
    """
    token = LAYOUT.set(name)
    try:
        yield
    finally:
        LAYOUT.reset(token)
