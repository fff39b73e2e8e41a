"""Assignments: built, handed in, run in a sandbox and graded."""

import sys

# With it jsonschema, which nbformat imports, builds a grammar of internationalised addresses: it
# takes longer than judging several students, and no notebook's schema asks for it.
sys.modules.setdefault("rfc3987_syntax", None)
