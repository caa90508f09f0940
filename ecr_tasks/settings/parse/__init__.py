"""Parsers: each takes a setting's text and returns its value, or raises Malformed with how to write it."""
