# SPDX-License-Identifier: Apache-2.0
"""Every op, callable with NumPy arrays: what the device computes, without a model around it."""
