"""A network: its layers, the graph that the server runs, and the arithmetic in it."""
