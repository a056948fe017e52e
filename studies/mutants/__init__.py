"""Do the tests catch what breaks? Random one-token changes of the code, and who notices."""
