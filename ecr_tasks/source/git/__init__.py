"""git: the only package that starts it."""
