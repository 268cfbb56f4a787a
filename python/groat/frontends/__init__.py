# SPDX-License-Identifier: Apache-2.0
"""From model files to graphs: one module for each format."""
