"""What comes out: data on stdout, everything for people on stderr, and the receipt."""
