"""A drawing, from strokes or a photo to the images that a network reads, and how drawings are kept."""
