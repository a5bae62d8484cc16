"""Measurements of time and memory for the claims of MNIST Lab: ``make bench``.

A claim is a ratio between MNIST Lab and an alternative. Both are measured in turn, in the same benchmark.
"""

# `core` must be imported before ONNX Runtime, see there.
import core  # noqa: F401
