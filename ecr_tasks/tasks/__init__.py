"""The Invoke tasks, one file a task."""
