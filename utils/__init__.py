"""The code behind the course: everything that a lesson or the `course` command calls."""

import os

# OpenMP reads it when torch is imported. Threads that spin while they wait take the cores from
# whatever else runs: a lesson beside one busy process took thirty times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# cuBLAS reads it when it is first used, and is reproducible only with it.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
