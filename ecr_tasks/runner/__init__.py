"""The plumbing under the tasks: the decorator, signals, and one run's clients."""
