"""Probes of whole proteins: labels told from pooled features, beside what is simpler."""
