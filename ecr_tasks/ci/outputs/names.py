"""The names of the files in ``.ecr-tasks/`` that later CI steps read."""

DOTENV = "outputs.env"
JSON = "outputs.json"
PROPERTIES = "outputs.properties"
SUMMARY = "summary.md"
SCAN = "scan.md"
MESSAGES = "teamcity.txt"
NAMES = (DOTENV, JSON, PROPERTIES, SUMMARY, SCAN, MESSAGES)
"""The names of all files that ``write_outputs`` and the adapters write in the folder."""
