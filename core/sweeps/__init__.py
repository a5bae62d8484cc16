"""Sweeps: many runs that differ in a few settings, chosen by a grid, at random or by earlier results."""
