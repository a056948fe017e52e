"""How probable a concept is where a feature is on: taken from valid, tested on test."""
