"""The long computations behind lessons; their results are kept in `lessons/results`."""
