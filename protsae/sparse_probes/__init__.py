"""K-sparse probes: how many detectors it takes to detect a concept, and which."""
