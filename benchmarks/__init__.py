"""How fast the course is beside the usual ways, both sides measured in one run.

`python -m benchmarks` prints a table and writes `reports/bench.json`.
"""
