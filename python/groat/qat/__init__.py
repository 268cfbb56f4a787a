# SPDX-License-Identifier: Apache-2.0
"""Quantisation-aware training: a quantised model as a module of PyTorch, whose values are those of the device.

    made = groat.quantize(model, x, scheme="w4a8")
    learner = groat.qat.prepare(made)
    groat.qat.train(learner, (x, y), epochs=5, teacher=made.floats)
    learner.export().save("model.groat", target="cortex-m4")

Needs PyTorch (pip install 'groat[torch]'); `import groat` does not import this package.
"""

from groat.errors import ToolchainError

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise ToolchainError(f"groat.qat needs PyTorch ({error}): pip install 'groat[torch]'") from None

from groat.qat.learner import Learner, prepare
from groat.qat.loop import Epoch, train

__all__ = ["Epoch", "Learner", "prepare", "train"]
