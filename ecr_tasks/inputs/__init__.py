"""What an image is made of, as one digest: equal inputs are built once (``ECR_SKIP=content``).

Nothing here is imported under another ECR_SKIP.
"""

from ecr_tasks.inputs.finding import check_unchanged, some, with_inputs
from ecr_tasks.inputs.model import Inputs

__all__ = ["Inputs", "check_unchanged", "some", "with_inputs"]
