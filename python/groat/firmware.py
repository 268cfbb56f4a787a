# SPDX-License-Identifier: Apache-2.0
"""Builds firmware: the runtime, the server and a target's start-up, linked into an image to flash or emulate.

Objects and images are kept in the user's cache under a hash of all that they are made from, so that a second
build is a look-up, and a build with other ops compiles one file and links.
"""

from __future__ import annotations

import functools
import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from groat import monocypher, toolchain
from groat.cache import cache_folder
from groat.errors import FitError, InputError, ToolchainError
from groat.sources import Sources, find_sources
from groat.targets import Memory, Slots, Target

_COMPILERS_AT_ONCE = 2
_TIMEOUT_SECONDS = 120.0
# Of the linker script: a memory that holds nothing but an arena, and the section of an arena, without its name.
_ARENA_REGION, _ARENA_SECTION = "ARENA_", ".arena_"
_SERVING_STACK_BYTES = 256  # that loading and opening a model lie deeper in it
_KEY_BYTES = 32
_BLINK_NS = 500_000_000  # that a light is on, or off
_SIGNATURE_STACK_BYTES = 512  # that checking a signature lies deeper
_ARENA_ALIGN, _GATE_ALIGN = 16, 32  # where an arena may begin, and where a gate of a fence may begin and end
_OPS_FILE, _MODEL_FILE, _SCRIPT_FILE = "linked_ops.h", "model.bin", "linker.ld"
_COMMON_FLAGS = (
    "-g",
    "-ffreestanding",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-Wall",
    "-Wextra",
)
# No contraction: a fused multiply-add would round float results differently from core to core.
_C_FLAGS = ("-std=c11", "-ffp-contract=off")
# QEMU itself has the functions that a plugin calls.
_PLUGIN_FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-fvisibility=hidden")


@dataclass(frozen=True)
class Image:
    """A linked image; sizes in bytes.

    Attributes:
        path: the ELF file, in the cache.
        code_bytes: code, constants and initial values of data; not the model.
        runtime_code_bytes: the part of it that is the runtime; the rest is start-up, server and libgcc.
        data_bytes: RAM for variables and the stack; not the arena.
        arenas: memory -> bytes of it that a model may use in this image; arena_starts: -> their address.
        sections: sizes of all sections that are loaded or take memory, by name.
    """

    path: Path
    code_bytes: int
    runtime_code_bytes: int
    data_bytes: int
    arenas: dict[str, int]
    arena_starts: dict[str, int]
    sections: dict[str, int]


@dataclass(frozen=True)
class _Unit:
    """One source file and how it is compiled."""

    source: Path
    prefix: str
    flags: tuple[str, ...] = ()


def build(
    target: Target,
    ops: Iterable[str] | None = None,
    model: bytes | None = None,
    arenas: Mapping[str, int | None] | None = None,
    row_ops: Iterable[str] = (),
    states: bool = True,
    layouts: Iterable[int] | None = None,
    measures_layers: bool = False,
    stack_bytes: int | None = None,
    fence: bool = False,
    serve: Literal["serial", "files"] | None = None,
    public_key: bytes | None = None,
) -> Image:
    """Builds an image, or finds it in the cache.

    Args:
        target: what to build for; not the host.
        ops: names of the ops to link, as in ops.def; None for all.
        row_ops: those of them that streams run row by row; without any, nothing of streams is linked.
        states: link what models need that keep something from run to run.
        layouts: of weights of convolutions and dense layers that are linked (numbers below 32); None for all.
        model: a packed model to link in; None for firmware that expects one at the target's model address.
        arenas: memory (Target.arenas) -> bytes to reserve there for a region of the model, None for all that is left;
            in the order of the model's regions.  Default: all that is left of the target's RAM.
        measures_layers: the image finds the cost of each step of a stream (firmware/layers); it needs `row_ops`.
        stack_bytes: a multiple of 16; default: what the target's description says, and 256 more to serve.
        fence: an access of any memory but code, model, stack, variables and arenas is a fault (firmware/fence).
        serve: let the host send models (firmware/serve), over the target's serial line or, in an emulator, its files;
            None: serve the one that is linked in or lies beside, in an emulator.
        public_key: the 32 bytes of an Ed25519 key (`groat.signing.load_public_key`); of the models that the host sends,
            those are served that it signed, and no others.

    Raises:
        InputError: the target has no compiler, no fence or no serial line, an op does not exist; sizes that a fence
            cannot have; a key of another length, or for firmware that takes no models.
        FitError: code, model or arena do not fit the target's memory, and by how much.
        ToolchainError: a compiler is missing or failed; its whole output is in the message.
    """
    sources = find_sources()
    ops_header = None if ops is None else _ops_header(sources, sorted(set(ops)), sorted(set(row_ops)), states)
    server = _units(sources.firmware / "app", "firmware")
    if serve is not None:
        own: tuple[str, ...] = ("-DGROAT_SERVE", f"-DGROAT_WORKERS={target.workers}", f'-DGROAT_TARGET="{target.name}"')
        server += _units(sources.firmware / "serve", "firmware")
        server += _alive_units(target, sources)
        if target.slots is not None:
            server += _slot_units(target, target.slots, sources)
            own = (*own, "-DGROAT_SLOTS")
        if target.watchdog is not None or target.light is not None or target.board:
            own = (*own, "-DGROAT_ALIVE")
        if public_key is not None:
            server += _signature_units(public_key, sources)
            own = (*own, "-DGROAT_SIGNED")
        server = [replace(unit, flags=(*unit.flags, *own)) for unit in server]
    elif public_key is not None:
        raise InputError("a public key is for firmware that takes models from the host; this one serves its own")
    wrapped = sorted({f"groat_row_op_{name}" for name in row_ops}) if measures_layers else []
    if measures_layers:
        server = [replace(unit, flags=(*unit.flags, "-DGROAT_LAYERS")) for unit in server]
        server += _units(sources.firmware / "layers", "firmware")
    runtime = _runtime_units(target, sources)
    if layouts is not None:
        runtime = _only_layouts(runtime, layouts)
    units = [*runtime, *_board_units(target, sources, fence, serve == "serial"), *server]
    arenas = arenas if arenas is not None else {target.memory("data").name: None}
    if stack_bytes is None:
        stack_bytes = target.stack_bytes + (_SERVING_STACK_BYTES if serve is not None else 0)
        stack_bytes += _SIGNATURE_STACK_BYTES if public_key is not None else 0
    slots = target.slots if serve is not None else None
    layout = _Layout(target, model is not None, arenas, stack_bytes, fence, slots)
    return _build(target, units, layout, ops_header, model, wrapped)


def build_program(target: Target, files: Iterable[Path], flags: Iterable[str] = ("-O2",)) -> Image:
    """Builds a program of one's own on the firmware's start-up and port: a test, a benchmark.

    Its main() may use firmware/port/port.h and returns the exit code; `runners.qemu.run_program` runs it.

    Args:
        target: what to build for; not the host.
        files: all C files of the program, those of the runtime included.
        flags: how to compile them, beside the target's own flags.

    Raises as `build`.
    """
    program = [_Unit(file.resolve(), "program", tuple(flags)) for file in files]
    layout = _Layout(target, False, {target.memory("data").name: None}, target.stack_bytes, False)
    return _build(target, [*_board_units(target, find_sources()), *program], layout)


def build_plugin(name: str = "groat_profile") -> Path:
    """Builds a plugin of QEMU's, a file of firmware/plugin, or finds it in the cache: a shared library of the host.

    Raises:
        ToolchainError: there is no C compiler, or it failed.
    """
    source = find_sources().firmware / "plugin" / f"{name}.c"
    compiler = toolchain.require("cc", "watching firmware in the emulator")
    key = _hash(toolchain.version(compiler), *_PLUGIN_FLAGS, source.read_bytes())
    library = cache_folder() / "plugins" / f"{source.stem}-{key}.so"
    if not library.is_file():

        def compile_to(path: Path) -> None:
            toolchain.run([compiler, *_PLUGIN_FLAGS, str(source), "-o", str(path)], _TIMEOUT_SECONDS)

        _publish(library, compile_to)
    return library


def _build(
    target: Target,
    units: list[_Unit],
    layout: _Layout,
    ops_header: str | None = None,
    model: bytes | None = None,
    wrapped: Sequence[str] = (),
) -> Image:
    builder = _Builder(target, find_sources())
    script = layout.script(builder.sources)
    parts = (part for unit in units for part in builder.parts(unit))
    key = _hash(script, ops_header or "", model or b"", *wrapped, *parts)
    image = cache_folder() / "images" / f"{target.name}-{key}.elf"
    if not image.is_file():
        with tempfile.TemporaryDirectory(prefix="groat-") as name:
            folder = Path(name)
            if ops_header is not None:
                (folder / _OPS_FILE).write_text(ops_header, encoding="utf-8")
            if model is not None:
                (folder / _MODEL_FILE).write_bytes(model)
            (folder / _SCRIPT_FILE).write_text(script, encoding="utf-8")
            objects = builder.compile(units, folder, ops_header)
            if model is not None:
                objects.append(builder.compile_model(folder))
            _publish(image, lambda path: builder.link(objects, folder, path, layout, wrapped))
    return _describe(image, layout.arenas)


# ---- What is compiled -----------------------------------------------------------------------------------


def _units(folder: Path, prefix: str, level: str = "-Os") -> list[_Unit]:
    return [_Unit(source, prefix, (level,)) for source in sorted(folder.glob("*.c"))]


def _runtime_units(target: Target, sources: Sources) -> list[_Unit]:
    """The runtime with the target's kernels, for speed: the rest of the firmware is made small."""
    runtime = sources.runtime
    own = [] if target.packing == "ref" else _units(runtime / "kernels" / target.packing, "runtime", "-O2")
    return [
        *_units(runtime / "core", "runtime", "-O2"),
        *_units(runtime / "ops", "runtime", "-O2"),
        *_units(runtime / "kernels" / "ref", "runtime", "-O2"),
        *own,
    ]


def _only_layouts(units: list[_Unit], layouts: Iterable[int]) -> list[_Unit]:
    """The runtime with convolutions for these layouts; the general one is always among them."""
    bits = sum(1 << layout for layout in {0, *layouts})
    flag = f"-DGROAT_CONV_LAYOUTS={bits:#x}u"
    return [replace(unit, flags=(*unit.flags, flag)) if unit.source.name == "conv_s8.c" else unit for unit in units]


def _board_units(target: Target, sources: Sources, fence: bool = False, serial: bool = False) -> list[_Unit]:
    """Start-up, port and counter, and a fence; a channel to the host."""
    if target.compiler is None or target.counter is None:
        raise InputError(f"no firmware is built for target {target.name}")
    if fence and not target.fence:
        raise InputError(f"{target.name} has no fence around its memory: its core cannot protect any")
    firmware, counter = sources.firmware, target.counter
    workers = (f"-DGROAT_WORKERS={target.workers}", f"-DGROAT_WORKER_STACK_BYTES={target.stack_bytes}")
    harts = ("riscv_harts.c", "riscv_hart.S") if target.workers > 1 else ()
    flags = ("-Os", "-DGROAT_FENCE") if fence else ("-Os",)
    fences = ("fence.c", f"{target.fence}.c") if fence else ()
    return [
        *(_Unit(firmware / "startup" / name, "firmware", flags) for name in target.compiler.startup),
        *(_Unit(firmware / "startup" / name, "firmware", ("-Os", *workers)) for name in harts),
        *(_Unit(firmware / "fence" / name, "firmware", ("-Os",)) for name in fences),
        _Unit(
            firmware / "counter" / f"{counter.kind}.c",
            "firmware",
            ("-Os", f"-DGROAT_COUNTER_ADDRESS={counter.address:#x}u"),
        ),
        *(_Unit(firmware / "port" / name, "firmware", ("-Os",)) for name in ("memory.c", "text.c")),
        *(
            _serial_units(target, sources)
            if serial
            else [_Unit(firmware / "port" / "semihosting.c", "firmware", ("-Os",))]
        ),
    ]


def _serial_units(target: Target, sources: Sources) -> list[_Unit]:
    """A machine with nothing but a serial line, and what sets up its clocks and pins."""
    if target.serial is None:
        raise InputError(f"{target.name} describes no serial line")
    line, firmware = target.serial, sources.firmware
    values = {"ADDRESS": f"{line.address:#x}u", "CLOCK": f"{line.clock}u", "BAUD": f"{line.baud}u"}
    values |= {name: str(pin) for name, pin in zip(("PIN_TX", "PIN_RX"), line.pins, strict=False)}
    flags = ("-Os", *(f"-DGROAT_UART_{name}={value}" for name, value in values.items()))
    return [
        *_units(firmware / "link", "firmware"),
        _Unit(firmware / "port" / "bare.c", "firmware", ("-Os",)),
        _Unit(_own_file(target, firmware / "uart" / f"{line.kind}.c"), "firmware", flags),
        *(_Unit(_own_file(target, firmware / "board" / name), "firmware", flags) for name in target.board),
    ]


def _own_file(target: Target, path: Path) -> Path:
    """A file of the firmware, or one of that name which lies beside the description of a board of the user's."""
    own = target.folder / path.name if target.folder is not None else path
    if own.is_file():
        return own
    if not path.is_file():
        beside = f" and no {own}" if own != path else ""
        raise InputError(f"the description of {target.name} names {path.name}; there is no {path}{beside}")
    return path


def _alive_units(target: Target, sources: Sources) -> list[_Unit]:
    """What feeds a watchdog and shows a light."""
    port, own = _Unit(sources.firmware / "port" / "board.c", "firmware", ("-Os",)), []
    if target.watchdog is not None:
        dog = target.watchdog
        port = replace(port, flags=(*port.flags, "-DGROAT_WATCHDOG"))
        values = {"SECONDS": f"{dog.seconds}u", "ADDRESS": f"{dog.address:#x}u", "CLOCK": f"{dog.clock}u"}
        flags = ("-Os", *(f"-DGROAT_WATCHDOG_{name}={value}" for name, value in values.items()))
        own.append(_Unit(_own_file(target, sources.firmware / "watchdog" / f"{dog.kind}.c"), "firmware", flags))
    if target.light is not None:
        assert target.counter is not None  # or there were no firmware for it
        light = target.light
        port = replace(port, flags=(*port.flags, "-DGROAT_LIGHT"))
        values = {
            "SETUP": ",".join("{" + _c_numbers(change) + "}" for change in light.setup),
            "ON": _c_numbers(light.on),
            "OFF": _c_numbers(light.off),
            "TICKS": f"{round(_BLINK_NS / target.counter.ns_per_tick)}u",
        }
        flags = ("-Os", *(f"-DGROAT_LIGHT_{name}={value}" for name, value in values.items()))
        own.append(_Unit(sources.firmware / "light" / "light.c", "firmware", flags))
    return [port, *own]


def _c_numbers(values: Iterable[int]) -> str:
    return ",".join(f"{value:#x}u" for value in values)


def _slot_units(target: Target, slots: Slots, sources: Sources) -> list[_Unit]:
    """Slots for models in flash."""
    sizes = {"BYTES": slots.length, "ERASE_BYTES": slots.erase_bytes, "PROGRAM_BYTES": slots.program_bytes}
    flags = [f"-DGROAT_FLASH_ADDRESS={slots.address:#x}u", *(f"-DGROAT_FLASH_{k}={v}u" for k, v in sizes.items())]
    store = sources.runtime / "store"
    return [
        *(_Unit(store / name, "firmware", ("-Os",)) for name in ("record.c", "slots.c")),
        _Unit(_own_file(target, sources.firmware / "flash" / f"{slots.kind}.c"), "firmware", ("-Os", *flags)),
    ]


def _signature_units(public_key: bytes, sources: Sources) -> list[_Unit]:
    """Ed25519, with the curve of Monocypher."""
    if len(public_key) != _KEY_BYTES:
        raise InputError(f"a public key of {len(public_key)} bytes; expected {_KEY_BYTES}")
    curve = monocypher.find()
    flags = (f"-I{curve}", "-DGROAT_PUBLIC_KEY=" + ",".join(map(str, public_key)))
    units = _units(sources.firmware / "signature", "firmware")
    return [*(replace(unit, flags=(*unit.flags, *flags)) for unit in units), *_units(curve, "firmware")]


def _ops_header(sources: Sources, ops: list[str], row_ops: list[str], states: bool) -> str:
    unknown = [name for name in ops if not (sources.runtime / "ops" / f"{name}.c").is_file()]
    if unknown:
        raise InputError(f"no such op: {', '.join(unknown)}; ops.def has the list")
    lines = [f"GROAT_USE({name.upper()}, {name})" for name in ops]
    lines += [f"GROAT_USE_ROWS({name.upper()}, {name})" for name in row_ops]
    lines += ["#define GROAT_STATES"] if states else []
    return "".join(f"{line}\n" for line in lines)


# ---- The linker script ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Layout:
    """How an image lies in memory; the attributes are the arguments of `build`."""

    target: Target
    linked: bool
    arenas: Mapping[str, int | None]
    stack_bytes: int
    fence: bool
    slots: Slots | None = None

    def length(self, memory: Memory) -> int:
        """Of a memory, up to the slots if those lie in it."""
        if self.slots is not None and memory.origin < self.slots.address < memory.end:
            return self.slots.address - memory.origin
        return memory.length

    def script(self, sources: Sources) -> str:
        """The template filled in."""
        table, sections = self._arena_lines()
        words = {
            "MEMORY": "\n".join(self._region_lines()),
            "MODEL": "\n".join(self._model_lines()),
            "STACK_BYTES": str(self.stack_bytes),
            "MEMORIES": "\n".join(table),
            "ARENAS": "\n".join(sections),
            "GATES": "\n".join(self._gate_lines()),
        }
        text = (sources.firmware / "linker.ld.in").read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(f"@{word}@", value)
        return text

    @property
    def _shared(self) -> bool:
        """Code and model lie in one memory; a linked model follows the code there."""
        code = self.target.memory("code")
        return code.origin <= self.target.model_room.origin < code.end

    def _region_lines(self) -> list[str]:
        code, data, model = self.target.memory("code"), self.target.memory("data"), self.target.model_room
        code_length = model.origin - code.origin if self._shared and not self.linked else self.length(code)
        lines = [
            f"    CODE (rx) : ORIGIN = {code.origin:#010x}, LENGTH = {code_length:#x}",
            f"    DATA (rwx) : ORIGIN = {data.origin:#010x}, LENGTH = {data.length:#x}",
            f"    MODEL (r) : ORIGIN = {model.origin:#010x}, LENGTH = {self.length(model):#x}",
        ]
        for memory in map(self.target.arena, self.arenas):
            if memory != data:
                region = _ARENA_REGION + memory.name.upper()
                lines.append(f"    {region} (rw) : ORIGIN = {memory.origin:#010x}, LENGTH = {memory.length:#x}")
        return lines

    def _model_lines(self) -> list[str]:
        if not self.linked:
            return [
                "    groat_model_start = ORIGIN(MODEL);",
                "    groat_model_end = ORIGIN(MODEL) + LENGTH(MODEL);",
            ]
        return [
            "    .model : ALIGN(16) {",
            "        groat_model_start = .;",
            "        KEEP(*(.model))",
            "        groat_model_end = .;",
            f"    }} > {'CODE' if self._shared else 'MODEL'}",
        ]

    def _arena_lines(self) -> tuple[list[str], list[str]]:
        """Rows of groat_memories, and sections."""
        table, sections = [], []
        data = self.target.memory("data")
        for name, nbytes in self.arenas.items():
            symbol = f"groat_arena_{name}"
            region = "DATA" if name == data.name else _ARENA_REGION + name.upper()
            end = f"ORIGIN({region}) + LENGTH({region})" if nbytes is None else f"{symbol}_start + {nbytes}"
            # Gates end at multiples of their alignment, and an arena where its gate does.
            align = _GATE_ALIGN if self.fence else _ARENA_ALIGN
            if (nbytes or 0) % _ARENA_ALIGN != 0 and self.fence:
                raise InputError(f"an arena of {nbytes:,} bytes in a fence; expected a multiple of {_ARENA_ALIGN}")
            table += [f"        LONG({symbol}_start)", f"        LONG({symbol}_end - {symbol}_start)"]
            sections += [
                f"    {_ARENA_SECTION}{name} (NOLOAD) : ALIGN({align}) {{",
                f"        . += {-(nbytes or 0) % align if self.fence else 0};",
                f"        {symbol}_start = .;",
                f"        . += {nbytes or 0};",
                f"    }} > {region}",
                f"    {symbol}_end = {end};",
            ]
        return table, sections

    def _gate_lines(self) -> list[str]:
        """Rows of groat_gates."""
        if not self.fence:
            return []
        code, data, model = self.target.memory("code"), self.target.memory("data"), self.target.model_room
        last = f"groat_arena_{data.name}_end" if data.name in self.arenas else f"ALIGN(groat_bss_end, {_GATE_ALIGN})"
        gates = [
            (f"{code.origin:#x}", f"{code.end:#x}", "r-x"),
            ("groat_stack_limit", last, "rw-"),
            *((f"groat_arena_{n}_start", f"groat_arena_{n}_end", "rw-") for n in self.arenas if n != data.name),
        ]
        if not self._shared:
            gates.append((f"{model.origin:#x}", f"{model.end:#x}", "r--"))
        return [
            f"        LONG({start}) LONG({end}) LONG({sum(1 << bit for bit in range(3) if access[bit] != '-')})"
            for start, end, access in gates
        ]


# ---- Compiling and linking ------------------------------------------------------------------------------


class _Builder:
    """Runs one target's compiler and knows by which hash to keep what it makes."""

    def __init__(self, target: Target, sources: Sources) -> None:
        if target.compiler is None:
            raise InputError(f"no firmware is built for target {target.name}")
        self.target = target
        self.sources = sources
        self.compiler = target.compiler
        purpose = f"building firmware for {target.name}"
        self.command = toolchain.require(self.compiler.command, purpose)
        self.link_flags: list[str] = []
        if self.compiler.linker:
            self.link_flags.append(f"--ld-path={toolchain.require(self.compiler.linker, purpose)}")
        self.libgcc = _libgcc(toolchain.require(self.compiler.libgcc[0], purpose), self.compiler.libgcc[1:])
        headers = sorted(
            path
            for folder in (sources.runtime, sources.firmware)
            for pattern in ("*.h", "*.def")
            for path in folder.rglob(pattern)
        )
        self.common = _hash(
            toolchain.version(self.command),
            self.libgcc,
            *(part for path in headers for part in (path.name, path.read_bytes())),
        )

    def flags(self, unit: _Unit) -> list[str]:
        """All flags but those that name folders, which change nothing in the object."""
        language = () if unit.source.suffix == ".S" else _C_FLAGS
        isa = [] if self.target.packing == "ref" else [f"-DGROAT_ISA_{self.target.packing.upper()}"]
        return [*self.compiler.flags, *_COMMON_FLAGS, *language, *isa, *unit.flags]

    def parts(self, unit: _Unit) -> list[str | bytes]:
        """All that an object is made from."""
        return [self.common, unit.prefix, *self.flags(unit), unit.source.name, unit.source.read_bytes()]

    def compile(self, units: list[_Unit], folder: Path, ops_header: str | None) -> list[Path]:
        """Objects of all units, from the cache where they are there."""
        # The files that see which ops are linked, and whether any row by row.
        core = self.sources.runtime / "core"
        choosing = {core / name for name in ("run.c", "open.c", "stream.c")}
        choosing.add(self.sources.firmware / "app" / "main.c")
        choosing.add(self.sources.firmware / "layers" / "layers.c")

        def compile_one(unit: _Unit) -> Path:
            chosen = ops_header is not None and unit.source in choosing
            left_out = (
                []
                if ops_header is None
                else [
                    f"-DGROAT_NO_{what}"
                    for what, mark in (("STREAMS", "GROAT_USE_ROWS"), ("STATES", "GROAT_STATES"))
                    if mark not in ops_header
                ]
            )
            extra = [f'-DGROAT_OPS_FILE="{_OPS_FILE}"', f"-I{folder}", *left_out] if chosen else []
            # The linker script tells the runtime by the folder and the prefix in this name.
            key = _hash(*self.parts(unit), (ops_header or "") if chosen else "")
            path = cache_folder() / "objects" / f"{unit.prefix}-{unit.source.stem}-{key}.o"
            if not path.is_file():
                _publish(path, lambda temporary: self._compile(unit, folder, extra, temporary))
            return path

        with ThreadPoolExecutor(_COMPILERS_AT_ONCE) as pool:
            return list(pool.map(compile_one, units))

    def compile_model(self, folder: Path) -> Path:
        """An object that holds the model's bytes."""
        path = folder / "firmware-model.o"
        define = f'-DGROAT_MODEL_FILE="{folder / _MODEL_FILE}"'
        self._compile(_Unit(self.sources.firmware / "app" / "model.S", "firmware"), folder, [define], path)
        return path

    def _compile(self, unit: _Unit, folder: Path, extra: list[str], path: Path) -> None:
        command = [
            self.command,
            *self.flags(unit),
            *extra,
            f"-I{self.sources.runtime / 'include'}",
            f"-I{self.sources.firmware / 'port'}",
            f"-ffile-prefix-map={self.sources.runtime.parent}=.",
            f"-ffile-prefix-map={folder}=.",
            *("-c", str(unit.source), "-o", str(path)),
        ]
        toolchain.run(command, _TIMEOUT_SECONDS)

    def link(self, objects: list[Path], folder: Path, path: Path, layout: _Layout, wrapped: Sequence[str] = ()) -> None:
        command = [
            self.command,
            *self.compiler.flags,
            *self.link_flags,
            "-nostdlib",
            "-static",
            "-Wl,--gc-sections",
            *(f"-Wl,--wrap={symbol}" for symbol in wrapped),
            f"-Wl,-T,{folder / _SCRIPT_FILE}",
            *map(str, objects),
            self.libgcc,
            "-o",
            str(path),
        ]
        try:
            toolchain.run(command, _TIMEOUT_SECONDS)
        except ToolchainError as error:
            # GNU ld and lld say it alike but for a quote and a colon.
            found = re.search(r"region [`'](\w+)':? overflowed by (\d+) bytes", str(error))
            if found is None:
                raise
            region, missing = found[1], int(found[2])
            if region.startswith(_ARENA_REGION):
                memory = self.target.arena(region.removeprefix(_ARENA_REGION).lower())
            else:
                memory = self.target.model_room if region == "MODEL" else self.target.memory(region.lower())
            raise FitError(
                f"{self.target.name}: the memory for {region}, {memory.name!r} of {layout.length(memory):,} bytes, "
                f"is too small by {missing:,} bytes for what is linked into the image"
            ) from error


def _hash(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()[:24]


@functools.cache
def _libgcc(gcc: str, flags: tuple[str, ...]) -> str:
    path = toolchain.run([gcc, *flags, "-print-libgcc-file-name"], timeout=30).strip()
    if not Path(path).is_file():
        raise ToolchainError(f"{gcc} {' '.join(flags)} has no libgcc at {path}; install its libraries")
    return path


def _publish(path: Path, make: Callable[[Path], None]) -> None:
    """Lets `make` write a file elsewhere and puts it in its place in one go: none is ever half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".new-", dir=path.parent))
    try:
        make(folder / path.name)
        (folder / path.name).replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# ---- What came out --------------------------------------------------------------------------------------


def _describe(path: Path, arenas: Iterable[str]) -> Image:
    with path.open("rb") as file:
        elf = ELFFile(file)
        loaded: dict[str, int] = {}
        reserved: dict[str, int] = {}
        for section in elf.iter_sections():
            if section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section["sh_size"] > 0:
                kind = reserved if section["sh_type"] == "SHT_NOBITS" else loaded
                kind[section.name] = int(section["sh_size"])
        symbols = elf.get_section_by_name(".symtab")
        assert isinstance(symbols, SymbolTableSection)  # an image is never stripped

        def address(name: str) -> int:
            return int((symbols.get_symbol_by_name(name) or [])[0]["st_value"])

        starts = {name: address(f"groat_arena_{name}_start") for name in arenas}
        room = {name: address(f"groat_arena_{name}_end") - start for name, start in starts.items()}
    return Image(
        path=path,
        code_bytes=sum(size for name, size in loaded.items() if name != ".model"),
        runtime_code_bytes=loaded.get(".runtime", 0),
        data_bytes=loaded.get(".data", 0)
        + sum(size for name, size in reserved.items() if not name.startswith(_ARENA_SECTION)),
        arenas=room,
        arena_starts=starts,
        sections=loaded | reserved,
    )
