"""A run: its folder, what people write on it, and what can be read off it."""
