"""What the Runs page is made of: runs side by side, and what is taken away from one."""
