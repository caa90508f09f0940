"""The bake and compose files that describe images."""
