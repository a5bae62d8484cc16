"""Measurements of what MNIST Lab claims to be fast or small: ``make bench``.

A claim is a ratio against the thing it is compared with, both measured in the same run, in turn.
"""

# Before anything imports ONNX Runtime, see there.
import core  # noqa: F401
