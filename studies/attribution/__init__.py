"""How well attributions rank what ablations do."""
