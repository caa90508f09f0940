"""Fast tests of the core: decisions on data, publishing against fakes, and the tasks without Docker."""
