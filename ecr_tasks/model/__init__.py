"""The values and interfaces that every other package shares."""
