"""The bake and compose files that describe a project's images."""
