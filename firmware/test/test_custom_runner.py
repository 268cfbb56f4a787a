# SPDX-License-Identifier: Apache-2.0
"""`pio test`: the image that was built answers over its serial line as the runtime on this computer does."""

import contextlib
from pathlib import Path

import click
import numpy as np
from platformio.test.result import TestCase, TestStatus
from platformio.test.runners.base import TestRunnerBase

from groat.boards import load_board
from groat.compiler import compile_model
from groat.inputs import lcg_inputs
from groat.runners import open_runner
from groat.runners.port import PortRunner
from groat.runners.qemu import serving


class CustomTestRunner(TestRunnerBase):
    """Needs no framework of tests on the device."""

    def stage_testing(self):
        if self.options.without_testing:
            return
        click.secho("Testing...", bold=True)
        name, config = self.test_suite.env_name, self.project_config
        section = f"env:{name}"
        target = load_board(name).target
        model = Path(config.path).parent / config.get(section, "custom_model")
        image = Path(config.get("platformio", "build_dir")) / name / "firmware.elf"
        here, there = compile_model(model, "host").packed, compile_model(model, name).packed
        with contextlib.ExitStack() as undo:
            port = self.options.test_port
            if port is None:
                port = undo.enter_context(serving(target, image)).removeprefix("serial:")
            host = undo.enter_context(open_runner("host", here))
            device = undo.enter_context(PortRunner(port, there, target=target))
            inputs = lcg_inputs(device.model.inputs)
            pairs = zip(device.run(inputs), host.run(inputs), strict=True)
            equal = all(np.array_equal(found, expected) for found, expected in pairs)
        case = TestCase("the device's bytes are the host's", TestStatus.PASSED if equal else TestStatus.FAILED)
        self.test_suite.add_case(case)
        click.echo(case.humanize())
