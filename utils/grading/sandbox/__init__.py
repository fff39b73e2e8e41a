"""Where students' code runs, and how the judge speaks with it."""
