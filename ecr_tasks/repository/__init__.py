"""The repository as code: what the settings want of it, what it is, the difference. Pure: nothing asks ECR."""

from ecr_tasks.repository.desired import desired
from ecr_tasks.repository.difference import Difference, differences
from ecr_tasks.repository.model import Desired, RepositoryState

__all__ = ["Desired", "Difference", "RepositoryState", "desired", "differences"]
