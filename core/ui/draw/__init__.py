"""The parts of the Draw page: the ways to enter a digit, and the views of its prediction."""
