# SPDX-License-Identifier: Apache-2.0
"""Training on the device: which parameters, the graph of a step, and its use from Python."""
