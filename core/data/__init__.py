"""The data sets: where their images come from, how they are kept and what they are."""
