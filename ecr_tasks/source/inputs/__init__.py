"""The inputs of an image and their digest: equal inputs are built once (ECR_SKIP=content)."""
