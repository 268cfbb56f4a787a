# SPDX-License-Identifier: Apache-2.0
"""Builds the image that the package builds for a board, by the one description of it; uploads by `groat flash`."""

import shlex
import shutil
import sys
from pathlib import Path

from SCons.Script import AlwaysBuild, Default, DefaultEnvironment

from groat.boards import load_board
from groat.compiler import compile_model
from groat.errors import GroatError
from groat.runners.board import image_for

env = DefaultEnvironment()
name = env["PIOENV"]
project = Path(env.subst("$PROJECT_DIR"))


board = load_board(name)  # platform.py has seen that it can be built
model = project / env.GetProjectOption("custom_model")
if not model.is_file():
    sys.stderr.write(f"{name}: there is no {model}; custom_model names a .tflite, .onnx or .groat file\n")
    env.Exit(1)


def build(target, source, env):
    file = Path(str(source[0]))
    try:
        packed = file.read_bytes() if file.suffix == ".groat" else compile_model(file, name).packed
        image = image_for(board.target, packed)
    except GroatError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 1
    shutil.copyfile(image.path, str(target[0]))
    print(
        f"{name}: {image.code_bytes} bytes of code, {len(packed)} of model, {image.data_bytes} of variables and stack"
    )
    return 0


# Always: groat knows by itself what is up to date, and looks that up in its cache.
elf = env.Command("$BUILD_DIR/firmware.elf", str(model), env.VerboseAction(build, "Building $TARGET"))
AlwaysBuild(elf)
Default(elf)

words = [sys.executable, "-m", "groat.cli", "flash", str(model), "--board", name, "--firmware"]
command = shlex.join(words) + " $SOURCE"
port = env.subst("$UPLOAD_PORT") or env.GetProjectOption("monitor_port", "")
if port:
    command += " --port " + shlex.quote(port)
if board.flash and board.flash[0].tool == "qemu":
    command += " --background"
AlwaysBuild(env.Alias("upload", elf, env.VerboseAction(command, "Uploading $SOURCE")))
