# SPDX-License-Identifier: Apache-2.0
"""Brings a model onto a board: builds its firmware, flashes it with the tool that the board's description names, and
asks the board what it serves.

`flashing` chooses and carries out, `tools` is the table of tools, `devices` what is attached, `serving` the board's
answers and updates of the model alone, `emulated` a board that is QEMU.  docs/FLASHING.md tells how it is used.
"""
