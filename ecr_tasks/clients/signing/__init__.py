"""The programs that sign images and check signatures: cosign and notation."""
