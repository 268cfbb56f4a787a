# SPDX-License-Identifier: Apache-2.0
"""`python -m groat.cli`."""

from groat.cli import main

main()
