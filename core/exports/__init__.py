"""What can be taken away from a run, and brought in again: scripts, models, archives, cards."""
