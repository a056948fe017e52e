"""Any detectors scored against any labels, both given as arrays."""
