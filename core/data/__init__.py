"""The data sets: their descriptions, their images and labels, and their downloads."""
