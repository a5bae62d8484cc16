"""The parts of training that need only NumPy: learning-rate schedules and data augmentation."""
