"""The parts of the Drawings page: fine-tuning a run on the drawings."""
