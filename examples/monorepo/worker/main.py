"""Counts the words of what it is given on stdin."""

import json
import sys

from shared.words import count

print(json.dumps(count(sys.stdin.read())))
