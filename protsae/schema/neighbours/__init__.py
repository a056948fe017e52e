"""Tables of how features stand to one another."""
