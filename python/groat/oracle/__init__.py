# SPDX-License-Identifier: Apache-2.0
"""Other people's runtimes, asked what the right answer is."""
