# SPDX-License-Identifier: Apache-2.0
"""Post-training quantisation: from a model of floats and samples of its input to a model of integers."""

from groat.quantization.mixture import Budget, Mixed
from groat.quantization.options import Quantization
from groat.quantization.pipeline import Quantized, quantize_model

__all__ = ["Budget", "Mixed", "Quantization", "Quantized", "quantize_model"]
