"""K-sparse probes: how many detectors it takes to tell a concept, and which."""
