"""Decisions: from settings, source and what a registry holds to a plan. Nothing here prints, waits or connects."""
