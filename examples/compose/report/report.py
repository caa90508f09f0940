"""Says how large the page of web is."""

from urllib.request import urlopen

with urlopen("http://web:8000/", timeout=5) as page:
    print(len(page.read()), "bytes")
