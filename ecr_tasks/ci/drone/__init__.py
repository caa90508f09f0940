"""Drone."""
