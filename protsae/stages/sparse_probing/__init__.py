"""K-sparse probes of a run's layers: how few detectors tell a concept."""
