"""The benchmark: `inv bench` in this checkout runs every row of docs/performance.md, side by side."""
