"""What the Evaluate page is made of: calibration, and how a run stands up to changed digits."""
