"""A Secrets Manager that has one secret."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class SecretsManager:
    """Answers each request with the same status and document, and keeps the region and the secret asked for."""

    def __init__(self) -> None:
        self.status, self.document = 200, {"SecretString": ""}
        self.asked: list[tuple[str, str]] = []
        manager = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                region = self.headers["Authorization"].split("/")[2]
                manager.asked.append((region, body["SecretId"]))
                answer = json.dumps(manager.document).encode()
                self.send_response(manager.status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """The variable that leads to it."""
        return {"AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://127.0.0.1:{self.server.server_port}"}

    def close(self) -> None:
        """End the server."""
        self.server.shutdown()
        self.server.server_close()
