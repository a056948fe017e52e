"""What probes of proteins found, in words."""
