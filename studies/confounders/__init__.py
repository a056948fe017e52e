"""What taking a confounder out of probes of real proteins does."""
