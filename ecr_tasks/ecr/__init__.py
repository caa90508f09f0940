"""Amazon ECR through boto3's core, botocore: the only package that imports it, and only inside functions."""
