"""CI systems: one folder a system, the table of them (``systems.py``), and what they have in common."""
