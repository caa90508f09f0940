"""The project's own files: the lock, the changelog, the release, the workflows."""
