"""Build contexts: Dockerfiles, .dockerignore and the files that docker sends to the builder."""
