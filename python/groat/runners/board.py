# SPDX-License-Identifier: Apache-2.0
"""Runs a model on an emulated board: the very image that would be flashed, over the board's own serial line."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from groat import firmware
from groat.boards import load_board
from groat.errors import InputError
from groat.pack import reader
from groat.progress import Progress, silent
from groat.runners.base import Array, Profile
from groat.runners.link import TIMEOUT_SECONDS
from groat.runners.port import PortRunner
from groat.runners.qemu import arenas_of, check_fit, conv_layouts, serving
from groat.targets import Target


def image_for(target: Target, packed: bytes, every_op: bool = False, public_key: bytes | None = None) -> firmware.Image:
    """Firmware that serves one model, which is a part of it: what is flashed.

    Args:
        every_op: link all ops, so that other models may take this one's place; else those of this model.
        public_key: as firmware.build takes it.

    Raises:
        InputError: no firmware is built for the target, or it lacks a memory that the model was planned for.
        ModelError: the model is damaged.
        FitError: it does not fit.
        ToolchainError: a compiler is missing.
    """
    model = reader.read(packed)
    regions = arenas_of(target, model)
    image = firmware.build(
        target,
        ops=None if every_op else {step.op for step in model.all_steps},
        row_ops=() if every_op else {step.op for step in model.all_steps if step.stream is not None},
        states=every_op or bool(model.states),
        layouts=None if every_op else conv_layouts(model),
        model=packed,
        arenas=dict.fromkeys(regions),
        serve="serial",
        public_key=public_key,
    )
    check_fit(target, image, regions, None)
    return image


class BoardRunner(PortRunner):
    """A packed model on QEMU's model of a board."""

    def __init__(
        self, board: str, packed: bytes, *, timeout: float = TIMEOUT_SECONDS, progress: Progress = silent
    ) -> None:
        """Builds the board's firmware with the model in it, starts QEMU, and opens the board's serial line.

        Args:
            board: one of groat.boards.board_names() that QEMU has, or the path of a board's file.
            packed: the packed model.
            timeout, progress: as of PortRunner.

        Raises:
            InputError: there is no such board, or QEMU has none.
            FitError: the model does not fit the board.
            ToolchainError: a compiler or QEMU is missing.
            ModelError, RunnerError: as PortRunner.
        """
        self._board = load_board(board)
        target = self._board.target
        if target.qemu is None:
            raise InputError(f"QEMU has no {self._board.title}: {board} is no place to run; put it on the board itself")
        self._packed = packed
        self._image: Path = image_for(target, packed).path
        with contextlib.ExitStack() as undo:
            where = undo.enter_context(serving(target, self._image))
            super().__init__(where.removeprefix("serial:"), packed, timeout=timeout, progress=progress, target=target)
            self._undo = undo.pop_all()

    def close(self) -> None:
        super().close()
        self._undo.close()

    def profile(self, inputs: Sequence[Array]) -> Profile:
        """What one inference costs in instructions, where the board is a machine whose time QEMU makes out of them.

        Raises InputError for a model of a real board, whose counter counts cycles, of which QEMU has none.
        """
        target = self._board.target
        if target.clock:
            raise InputError(
                f"QEMU emulates what a {self._board.title} does, and not its time: profile on the board itself, or "
                f"count instructions on the emulated core, qemu:{self._board.core}"
            )
        with serving(target, self._image, count=True) as where:
            counted = PortRunner(where.removeprefix("serial:"), self._packed, target=target)
            try:
                return counted.profile(inputs)
            finally:
                counted.close()
