"""Parsers: a setting's text to its value, or what is wrong with it."""
