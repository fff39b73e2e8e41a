"""Engines that run a network fast on a CPU, and the files that they keep."""
