"""What training needs and NumPy can do: schedules of the learning rate, augmentation of images."""
