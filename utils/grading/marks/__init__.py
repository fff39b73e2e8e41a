"""The gradebook: marks recorded, late days counted, and tables exported."""
