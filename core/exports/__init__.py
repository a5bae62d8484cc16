"""Downloads and uploads of runs: scripts, models, archives, model cards."""
