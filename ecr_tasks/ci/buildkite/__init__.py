"""Buildkite."""
