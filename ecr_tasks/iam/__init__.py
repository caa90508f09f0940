"""What IAM must be told so that a CI may work: trust policies for its OpenID Connect tokens."""
