"""The parts of the Train page: the state of a run, its controls, the advice, and the charts."""
