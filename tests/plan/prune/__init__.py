"""Tests of plan/prune."""
