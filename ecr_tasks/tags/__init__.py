"""The tag rules: their language, and the tags, labels and annotations that a source gets."""
