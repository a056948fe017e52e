"""What interventions changed, in words."""
