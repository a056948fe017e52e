"""Tables of what features say of any protein."""
