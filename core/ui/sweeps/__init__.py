"""The parts of the Sweeps page: the progress and the results of a sweep."""
