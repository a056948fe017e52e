"""K-sparse probes of a run's layers: how few detectors are enough for a concept."""
