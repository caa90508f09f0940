"""The checks that must pass before an image is built or published, one file each."""
