"""The starter model: a trained run that is part of the project, and the script that trains it."""
