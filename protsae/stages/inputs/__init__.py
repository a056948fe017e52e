"""What stages read: concepts, SAEs and their codes, training data, a whole results folder."""
