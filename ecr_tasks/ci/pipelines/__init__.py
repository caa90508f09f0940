"""Pipelines for CI systems: written from a template, and compared with today's template later."""
