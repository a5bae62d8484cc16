"""What the Sweeps page is made of: a sweep, and what it says about the knobs."""
