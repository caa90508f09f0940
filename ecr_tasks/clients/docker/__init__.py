"""Docker through python-on-whales, which no other package imports."""
