# SPDX-License-Identifier: Apache-2.0
"""Learning from a stream of samples without forgetting earlier ones: training with latent replay.

The frozen layers run once for each sample (program `features`); what they give is kept as int8, and goes into later
steps of training beside new samples.  Pellegrini, Graffieti, Lomonaco and Maltoni, "Latent Replay for Real-Time
Continual Learning", 2020.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from groat.compiler import Session
from groat.errors import InputError
from groat.graph.ir import Array
from groat.train.replay import Policy, Replay
from groat.train.session import as_input

LEVELS = 255  # of int8, but for the lowest


class LatentTrainer:
    """A model compiled with groat.Train(latent=True, ...) in a session, and a buffer of what its frozen layers gave.

    Attributes:
        replay: the buffer; its samples have the shape of the freeze point.
    """

    def __init__(self, session: Session, replay: Replay) -> None:
        """Raises InputError if the model has no program `features`, or the buffer samples of another shape."""
        self._session, self.replay = session, replay
        shape = tuple(features_info(session)[0])
        if replay.shape != shape:
            raise InputError(f"the replay buffer has samples of shape {replay.shape}; the freeze point has {shape}")

    def features(self, x: ArrayLike) -> Array:
        """What the frozen layers make of a sample, as the device computes it."""
        return features(self._session, x)

    def remember(self, x: ArrayLike, label: int) -> None:
        """Offers a sample to the buffer.  Raises as Replay.add."""
        self.replay.add(self.features(x), label)

    def step(self, x: ArrayLike, label: int, lr: float, replays: int = 1, keep: bool = True) -> float:
        """A step on a new sample, then on `replays` that are drawn from the buffer, sent to the device together.

        Args:
            keep: the new sample is offered to the buffer; with False that stays as it is.

        Returns the loss of the new sample, before the step.
        Raises as Session.train_step and Replay.add; no parameter or sample has changed then, unless a loss was not
        finite.
        """
        latent = self.features(x)
        if keep and self.replay.full:
            raise InputError(
                f'the replay buffer has its {len(self.replay)} samples and its policy is "fill": it takes no more; '
                "step with keep=False, or use another policy"
            )
        drawn = [(latent, label)]
        for _ in range(replays if len(self.replay) > 0 else 0):
            drawn.append(self.replay.get(self.replay.draw(), str(latent.dtype)))
        samples, labels = zip(*drawn, strict=True)
        results = self._session.trainer.steps(samples, labels, lr)
        if keep:
            self.replay.add(latent, label)
        return results[0].loss


def features(session: Session, x: ArrayLike) -> Array:
    """What the frozen layers make of one sample; InputError if the model has none, or as Session.train_step."""
    session.runner.select("features")
    info = session.runner.model.inputs[0]
    return session.runner.run([as_input(x, info)])[0]


def features_info(session: Session) -> tuple[tuple[int, ...], str]:
    """Shape and dtype of the freeze point; InputError if the model was not compiled with latent=True."""
    session.runner.select("features")
    info = session.runner.model.outputs[0]
    return tuple(info.shape), info.dtype


def replay_for(
    session: Session, samples: Sequence[ArrayLike], capacity: int, policy: Policy = "reservoir", seed: int = 0
) -> Replay:
    """An empty buffer for the freeze point of a model, with a scale for the range that some samples have there.

    Args:
        samples: inputs of the model, as many as show what is usual; none are kept.
        capacity, policy, seed: as of Replay.

    Raises InputError if there are no samples, or as Replay.
    """
    shape, dtype = features_info(session)
    if dtype == "int8":  # what a frozen int8 model gives is kept as it is
        info = session.runner.model.outputs[0]
        return Replay(shape, capacity, policy, scale=info.scale, zero_point=info.zero_point, seed=seed)
    if len(samples) == 0:
        raise InputError("the range of the freeze point is measured with samples; found none")
    found = [features(session, sample).astype(np.float32) for sample in samples]
    low, high = min(0.0, *(float(x.min()) for x in found)), max(0.0, *(float(x.max()) for x in found))
    scale = max((high - low) / LEVELS, float(np.finfo(np.float32).tiny))
    zero_point = int(np.clip(np.rint(-128 - low / scale), -128, 127))
    return Replay(shape, capacity, policy, scale=scale, zero_point=zero_point, seed=seed)
