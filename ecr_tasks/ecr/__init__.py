"""Amazon ECR through boto3: the only package that imports it, and only inside functions."""
