"""Evaluation of a trained run: mistakes, calibration, explanations, robustness, significance."""
