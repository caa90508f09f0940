"""Tests, laid out as the package is; ``engine`` needs a Docker engine, the rest needs nothing."""
