"""The inputs of an image and their digest: an image with the same inputs is not built again (ECR_SKIP=content)."""
