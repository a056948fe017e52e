"""What every feature does to predictions: estimated from gradients, and by edits one at a time."""
