"""The parts of the Runs page: the comparison of runs, and the downloads of a run."""
