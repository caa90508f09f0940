"""What was published, written for those who deploy it: one module a format, each a function of published images."""
