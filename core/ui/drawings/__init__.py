"""What the Drawings page is made of: teaching a run from the drawings."""
