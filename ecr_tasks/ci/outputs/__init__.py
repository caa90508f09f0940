"""What we give to a CI system: values for later steps, a summary, log groups, errors and masked secrets."""
