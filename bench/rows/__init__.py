"""The rows of the benchmark, by what they are about."""
