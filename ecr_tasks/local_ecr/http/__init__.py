"""HTTP/1.1 for container and AWS clients, on http.server, with streaming both ways and an end to every wait."""
