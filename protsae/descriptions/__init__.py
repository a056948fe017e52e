"""What each feature is, in words: a rule found on train, chosen on valid, scored on test."""
