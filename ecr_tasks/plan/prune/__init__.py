"""What may go from a repository, and what stays: decisions as functions of data."""
