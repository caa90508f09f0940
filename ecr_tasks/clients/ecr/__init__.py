"""Amazon ECR through boto3; no other package imports it."""
