"""What students hand in: collected, read, and rebuilt on the released notebook."""
