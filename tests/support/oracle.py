# SPDX-License-Identifier: Apache-2.0
"""The mark of tests that compare with TensorFlow Lite Micro."""

from __future__ import annotations

import pytest

from groat.oracle.tflm import is_installed

needs_tflm = pytest.mark.skipif(not is_installed(), reason="needs the package tflite-micro")
