"""HTTP/1.1 on a loopback socket: as much of it as container and AWS clients use, with streaming both ways."""
