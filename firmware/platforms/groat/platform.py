# SPDX-License-Identifier: Apache-2.0
"""A PlatformIO platform without packages: compilers come from PATH, boards from the package `groat`."""

import importlib.util
import sys
from pathlib import Path

from platformio.exception import UserSideException
from platformio.platform.base import PlatformBase


class GroatPlatform(PlatformBase):
    """An environment's name is its board's."""

    def configure_project_packages(self, env, targets=None):
        self._check(env)
        return super().configure_project_packages(env, targets)

    def _check(self, name):
        """Says what is missing before anything is started or fetched."""
        if importlib.util.find_spec("groat") is None:
            root = Path(self.config.path).resolve().parent.parent
            raise UserSideException(
                f"PlatformIO runs in {sys.executable}, where there is no package groat; install it there: "
                f"{sys.executable} -m pip install {root}"
            )
        from groat.boards import load_board
        from groat.errors import GroatError

        try:
            board = load_board(name)
        except GroatError as error:
            raise UserSideException(str(error)) from error
        if board.target.compiler is None:
            raise UserSideException(
                f"{name}: {board.title} is built by its maker's platform, PlatformIO's {board.platform}, which is no "
                f"part of this project. Install it (pio pkg install -g -p {board.platform}) and use the runtime as a "
                "library in a project of your own: examples/platformio"
            )
