"""What stages write, and the lines in which they say what it is."""
