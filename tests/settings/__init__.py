"""Tests of what is configured."""
