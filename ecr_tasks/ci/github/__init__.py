"""GitHub Actions, and Gitea's and Forgejo's, which follow it."""
