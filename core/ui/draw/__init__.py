"""What the Draw page is made of: the ways to show a digit, and what can be seen of the answer."""
