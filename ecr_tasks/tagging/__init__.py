"""Which tags, labels and annotations a source gets. Pure: nothing here asks git, docker or a registry."""

from ecr_tasks.tagging.labels import image_annotations, image_labels
from ecr_tasks.tagging.rules import Kind, Tag, as_tag, tags

__all__ = ["Kind", "Tag", "as_tag", "image_annotations", "image_labels", "tags"]
