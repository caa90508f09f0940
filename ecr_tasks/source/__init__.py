"""The project to build: its git state, build context, inputs and definition files."""
