# SPDX-License-Identifier: Apache-2.0
"""PyTorch modules, by way of ONNX: torch's own exporter writes what the ONNX front end reads."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from groat.errors import InputError, ModelError, ToolchainError

OPSET = 20  # the first with Gelu


def is_module(model: object) -> bool:
    """Whether it is a torch.nn.Module; does not import torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def export(module: Any, example_inputs: Any) -> bytes:
    """A module as an ONNX file, in evaluation mode; the module stays as it is.

    Args:
        module: a torch.nn.Module.
        example_inputs: a tensor, or a tuple of them: their shapes and types become those of the model.

    Raises:
        InputError: there are no example inputs.
        ModelError: torch cannot export it.
        ToolchainError: a package that torch's exporter needs is missing.
    """
    import torch

    if example_inputs is None:
        raise InputError(
            "a PyTorch module has no shapes of its own; expected example_inputs, such as torch.zeros(1, 3, 96, 96)"
        )
    given: Sequence[Any] = example_inputs if isinstance(example_inputs, tuple | list) else (example_inputs,)
    inputs = tuple(torch.as_tensor(value) for value in given)
    training = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(module, inputs, dynamo=True, opset_version=OPSET, verbose=False)
    except ImportError as error:
        raise ToolchainError(
            f"to export from PyTorch takes a package that is missing ({error}): pip install 'groat[torch]'"
        ) from None
    # Whatever a module's code raises while it is traced ends here.
    except Exception as error:
        text = " ".join(str(error).split())[:600]
        raise ModelError(f"torch.onnx.export cannot export {type(module).__name__}: {text}") from error
    finally:
        for part, was in training.items():
            part.training = was
    assert program is not None
    data: bytes = program.model_proto.SerializeToString()
    return data


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter tells of its own parts."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
