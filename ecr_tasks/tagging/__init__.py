"""Which tags, labels and annotations a source gets. Pure: nothing here asks git, docker or a registry."""

from ecr_tasks.tagging.configured import at_levels, tag_set, tags
from ecr_tasks.tagging.model import Kind, RuleResult, Tag, TagSet, as_tag

__all__ = ["Kind", "RuleResult", "Tag", "TagSet", "as_tag", "at_levels", "tag_set", "tags"]
