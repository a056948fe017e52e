"""Tables of changed predictions and of designed sequences."""
