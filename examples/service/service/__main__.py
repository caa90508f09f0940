"""Answers GET /slug?text=… with a slug and GET /health with ok. `check` asks a running one for its health."""

import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

from slug import slug

PORT = 8000


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url = urlsplit(self.path)
        text = parse_qs(url.query).get("text")
        if url.path == "/health":
            self.answer(200, {"status": "ok"})
        elif url.path == "/slug" and text:
            self.answer(200, {"slug": slug(text[0])})
        else:
            self.answer(404, {"error": "Ask for /slug?text=… or /health."})

    def answer(self, status: int, content: dict[str, str]) -> None:
        body = json.dumps(content).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    if sys.argv[1:] == ["check"]:
        with urlopen(f"http://127.0.0.1:{PORT}/health", timeout=2) as health:
            sys.exit(health.status != 200)
    # As a container's first process it would not be stopped by SIGTERM unless it asks to be.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    ThreadingHTTPServer(("", PORT), Handler).serve_forever()


main()
