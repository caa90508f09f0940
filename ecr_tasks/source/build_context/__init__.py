"""Build contexts: Dockerfiles, .dockerignore and the files that Docker would send."""
