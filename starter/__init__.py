"""The starter model: a trained run that comes with the project, and how it was made."""
