"""Trained classifiers: what a run folder holds, opened again, and exported."""
