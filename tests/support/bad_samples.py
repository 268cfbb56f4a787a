# SPDX-License-Identifier: Apache-2.0
"""Steps of training that must be refused, given to the program itself: past what Python checks before."""

from __future__ import annotations

from typing import Any

import numpy as np

import groat

RATE = 0.01
BAD: dict[str, dict[str, float]] = {
    **{f"a pixel is {value}": {"pixel": value} for value in (np.nan, np.inf, -np.inf)},
    "all pixels are no numbers": {"pixels": np.nan},
    **{f"the label is {value}": {"label": value} for value in (-1, 99, -(2**31), 2**31 - 1)},
    **{f"the rate is {value}": {"rate": value} for value in (0.0, -0.01, np.nan, np.inf, -np.inf)},
}
"""What is wrong with a sample."""


def assert_nothing_is_learnt_from(bad: dict[str, float], session: groat.Session, image: Any, label: int) -> None:
    """A good step changes all parameters; a bad one none, and nothing that an optimizer remembers."""
    runner = session.runner
    runner.select("train_step")
    info = runner.model.inputs[0]

    def states() -> dict[str, bytes]:
        """But for the rate that was applied, and the loss scale, which is halved."""
        tensors = [state.tensor for state in runner.model.states]
        return {t.name: runner.tensor(t.tensor_id).tobytes() for t in tensors if t.name not in ("step", "loss scale")}

    def step(**wrong: float) -> tuple[Any, Any]:
        x = np.array(image, info.dtype).reshape(info.shape)
        if "pixels" in wrong:
            x[:] = wrong["pixels"]
        x.flat[5] = wrong.get("pixel", x.flat[5])
        y = np.array([wrong.get("label", label)], np.int32)
        loss, result = runner.run([x, y, np.array([wrong.get("rate", RATE)], np.float32)])
        return loss, result

    first = states()
    step()
    before = states()
    assert all(before[name] != first[name] for name in session.parameters())
    runner.select("train_step")
    _, result = step(**bad)
    assert result[0] == 0  # the rate that was applied
    assert states() == before
