"""What an EC2 host runs: its user data, and the files in it."""
