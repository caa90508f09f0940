"""What every service of this repository needs."""
