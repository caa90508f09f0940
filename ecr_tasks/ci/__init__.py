"""CI systems: one folder a system, and what they have in common."""
