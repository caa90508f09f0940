"""OpenID Connect tokens of CI systems: how one is fetched and checked, and whom its subject names."""
