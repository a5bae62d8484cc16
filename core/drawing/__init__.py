"""Drawings: from strokes or a photo to the input images of a network, and the saved drawings."""
