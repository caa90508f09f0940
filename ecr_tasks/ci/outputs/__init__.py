"""What a CI system is given: values for later steps, a summary, log groups, errors and masks."""
