"""The parts of the Evaluate page: calibration and robustness."""
