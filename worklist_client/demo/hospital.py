"""One fictitious hospital as one process: `python -m worklist_client.demo.hospital KIND FOLDER AE PORT [DEST=PORT]`.

Prints one JSON line with its port when it is ready, and ends when its standard input closes (its parent is gone).
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from pathlib import Path

import uvicorn

from worklist_client.demo.archive import Archive
from worklist_client.demo.dimse_hospital import serve
from worklist_client.demo.web_hospital import application


def main(arguments: list[str]) -> int:
    """Serve until the parent is gone."""
    kind, folder, ae_title, port, *destinations = arguments
    archive = Archive(Path(folder))
    if kind == "dicomweb":
        return _web(archive, int(port))
    ports = {name: int(port) for name, _, port in (item.partition("=") for item in destinations)}
    server = serve(archive, ae_title, int(port), ports)
    _ready(server.socket.getsockname()[1])
    sys.stdin.read()
    server.shutdown()
    return 0


def _web(archive: Archive, wanted: int) -> int:
    listener = socket.create_server(("127.0.0.1", wanted))
    port = listener.getsockname()[1]
    config = uvicorn.Config(application(archive, f"http://127.0.0.1:{port}"), log_level="warning", lifespan="off")
    server = uvicorn.Server(config)

    def wait_for_the_parent() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=wait_for_the_parent, daemon=True).start()
    _ready(port)
    server.run(sockets=[listener])
    return 0


def _ready(port: int) -> None:
    print(json.dumps({"port": port}), flush=True)  # the parent reads this line


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
