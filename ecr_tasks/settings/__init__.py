"""Settings: dotenv files, the environment and Invoke's configuration as one frozen value."""
