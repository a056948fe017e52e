"""A run as one object: what it holds, and what can be asked of it."""
