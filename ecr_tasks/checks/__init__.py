"""What must hold before an image is built or published: one file a check."""
