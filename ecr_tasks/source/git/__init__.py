"""The facts that git knows; only this package starts git."""
