"""Carries a plan out: build, push, set tags, copy. Each step is given the ports that it uses."""
