"""Tests of what an EC2 host runs."""
