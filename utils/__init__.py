"""The code behind the course: everything that a lesson or the `course` command calls."""

import os

# OpenMP reads this variable when torch is imported. Threads that spin while they wait take cores
# from whatever else runs: a lesson beside one busy process took thirty times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# cuBLAS reads this one on first use; without it, its results aren't reproducible.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
