"""What a person's terminal gets that a pipe doesn't: colours, tables that fit its width, signs of long work."""
