"""Policies for AWS IAM, one file each."""
