"""A confounder taken out of a probe of a run's proteins."""
