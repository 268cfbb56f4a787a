# SPDX-License-Identifier: Apache-2.0
"""Drivers of real chips' flash, on strict models of those chips; of watchdogs and a light, by what they write."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support import cc

from groat.errors import ToolchainError

FLASH = cc.ROOT / "firmware" / "flash"
STORE = [cc.RUNTIME / "store" / "record.c", cc.RUNTIME / "store" / "slots.c", cc.RUNTIME / "core" / "crc.c"]
# chip, driver, address, length, erase_bytes, program_bytes, kilobytes of the chip
CHIPS = {
    "F405": ("F4", "stm32f4_flash", 0x08080000, 0x80000, 0x20000, 4, 1024),
    "F405, small sectors": ("F4", "stm32f4_flash", 0x08004000, 0xC000, 0x4000, 4, 1024),
    "F405, behind the fifth": ("F4", "stm32f4_flash", 0x08020000, 0x40000, 0x20000, 4, 1024),
    "F746": ("F7", "stm32f7_flash", 0x08080000, 0x80000, 0x40000, 4, 1024),
    "L476": ("L4", "stm32l4_flash", 0x08078000, 0x10000, 0x800, 8, 1024),  # in both banks
    "L4R5": ("L4", "stm32l4_flash", 0x08100000, 0x100000, 0x1000, 8, 2048),
    "nRF51": ("NRF", "nrf_nvmc", 0x28000, 0x18000, 0x400, 4, 256),
    "nRF52840": ("NRF", "nrf_nvmc", 0x80000, 0x80000, 0x1000, 4, 1024),
}
# What a driver cannot do is said when it is compiled.
IMPOSSIBLE = {
    "sectors of two sizes": ("F4", "stm32f4_flash", 0x0800C000, 0x40000, 0x4000, 4, 1024),
    "the fifth sector": ("F7", "stm32f7_flash", 0x08020000, 0x40000, 0x20000, 4, 1024),
    "begin with a sector": ("F4", "stm32f4_flash", 0x08090000, 0x40000, 0x20000, 4, 1024),
    "double words": ("L4", "stm32l4_flash", 0x08078000, 0x10000, 0x800, 4, 1024),
    "a page of an nRF51": ("NRF", "nrf_nvmc", 0x80000, 0x80000, 0x800, 4, 1024),
}


def build(folder: Path, chip: str, driver: str, address: int, *sizes: int) -> Path:
    names = ("FLASH_BYTES", "FLASH_ERASE_BYTES", "FLASH_PROGRAM_BYTES", "FLASH_ADDRESS")
    values = zip(names, (*sizes[:3], address), strict=True)
    flags = [f"-DCHIP={chip}", f"-DCHIP_KILOBYTES={sizes[3]}u", '-DGROAT_REGISTERS_FILE="chip.h"']
    flags += [*(f"-DGROAT_{name}={value:#x}u" for name, value in values), f"-I{cc.TESTS / 'serve'}"]
    return cc.build(
        folder / "chip", [cc.TESTS / "serve" / "chip.c", FLASH / f"{driver}.c", *STORE], [*cc.SANITIZERS, *flags]
    )


@pytest.mark.parametrize("name", CHIPS)
def test_models_are_kept_in_the_flash_of(name: str, tmp_path: Path) -> None:
    done = cc.run(build(tmp_path, *CHIPS[name]))
    assert (done.code, done.output) == (0, "all is well\n")


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_flash_that_is_no_place_for_slots(name: str, tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="static assertion failed"):
        build(tmp_path, *IMPOSSIBLE[name])


def writes(folder: Path, driver: str, **values: str) -> list[str]:
    """What a driver writes, address=value each in hexadecimal."""
    flags = [f"-DGROAT_{name}={value}" for name, value in values.items()]
    flags += ['-DGROAT_REGISTERS_FILE="chip.h"', "-DGROAT_PEEK_ADDRESS=0x20u", f"-I{cc.TESTS / 'serve'}"]
    program = cc.build(
        folder / "record",
        [cc.TESTS / "serve" / "record.c", cc.ROOT / "firmware" / f"{driver}.c"],
        [*cc.SANITIZERS, *flags],
    )
    return cc.run(program).output.split()


def test_watchdogs(tmp_path: Path) -> None:
    """In the order of the manuals: RM0090, 21.3; nRF51 Series Reference Manual, 19; DDI 0479, 4.5."""
    seconds = {"WATCHDOG_SECONDS": "30u", "WATCHDOG_ADDRESS": "0x1000u", "WATCHDOG_CLOCK": "1000u"}
    found = writes(tmp_path, "watchdog/stm32_iwdg", **seconds)
    reload = f"40003008={30 * 125 - 1:x}"
    assert found == [
        "40003000=cccc",
        "40003000=5555",
        "40003004=6",
        reload,
        "40003000=aaaa",
        "started",
        "40003000=aaaa",
    ]
    found = writes(tmp_path, "watchdog/nrf_wdt", **seconds)
    ticks = f"40010504={30 * 32768 - 1:x}"
    assert found == ["4001050c=1", ticks, "40010508=1", "40010000=1", "started", "40010600=6e524635"]
    found = writes(tmp_path, "watchdog/cmsdk_watchdog", **seconds)
    assert found == [f"1000={30_000:x}", "1008=3", "started", f"1000={30_000:x}"]
    with pytest.raises(ToolchainError, match="32 seconds at most"):
        writes(tmp_path, "watchdog/stm32_iwdg", WATCHDOG_SECONDS="33u")


def test_a_light(tmp_path: Path) -> None:
    """Set up by reading and writing; on; blinking while the device waits; on again at work."""
    values = {"SETUP": "{0x10u,0u,2u},{0x20u,0x30u,1u}", "ON": "0x40u,1u", "OFF": "0x44u,1u", "TICKS": "8000u"}
    found = writes(tmp_path, "light/light", **{f"LIGHT_{name}": value for name, value in values.items()})
    assert found == ["10=2", "20=c1", "40=1", "44=1", "40=1", "40=1"]
