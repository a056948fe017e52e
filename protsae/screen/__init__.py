"""What a run shows on the screen: progress by stage, notes, failures, and findings at its end."""
