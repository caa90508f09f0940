"""OpenID Connect tokens of CI systems: where they come from, and what their claims say."""
