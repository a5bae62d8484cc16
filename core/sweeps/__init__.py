"""A sweep: many runs that differ in a few knobs, chosen by what came of those before."""
