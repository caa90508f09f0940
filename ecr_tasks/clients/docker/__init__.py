"""Docker through python-on-whales; no other package imports it."""
