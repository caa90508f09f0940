"""Pipelines for CI systems: written from a template, and compared with it later."""
