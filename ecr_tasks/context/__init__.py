"""What the build context carries into an image, and what it must not."""
