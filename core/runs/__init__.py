"""A run: its folder, the notes that people write, and what can be read from it."""
