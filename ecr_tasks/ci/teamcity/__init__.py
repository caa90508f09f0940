"""TeamCity."""
