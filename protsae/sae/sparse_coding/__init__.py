"""The best sparse codes of activations under a dictionary, to measure an encoder against."""
