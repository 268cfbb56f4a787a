# SPDX-License-Identifier: Apache-2.0
"""What a layer can be stored as."""

from __future__ import annotations

FLOAT = "float32"
ACTIVATIONS = {"int8": "int8", "w4a8": "int8", "16x8": "int16"}
"""Scheme -> the type of activations."""
WEIGHT_BITS = {"int8": 8, "w4a8": 4, "16x8": 8}
LAYER_SCHEMES = (*ACTIVATIONS, FLOAT)
SCHEMES = (*ACTIVATIONS, "fp16", "mixed")
