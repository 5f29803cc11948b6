"""A TCP proxy on loopback that misbehaves as told: cuts, goes silent, stalls, resets, refuses."""

from __future__ import annotations

import selectors
import socket
import struct
import threading


class FaultProxy:
    """Between a client and `upstream_port`. A context manager; `port` is where the client connects.

    Parameters
    ----------
    cut_after : bytes from upstream to the client after which the connection is closed (-1 = never);
        closed, not reset: a reset would also discard what the client has not read yet, now more, now less
    silent_after : bytes from upstream to the client after which nothing is forwarded any more (-1 = never)
    """

    def __init__(self, upstream_port: int, *, cut_after: int = -1, silent_after: int = -1) -> None:
        self._upstream_port = upstream_port
        self.cut_after, self.silent_after = cut_after, silent_after
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._flowing = threading.Event()
        self._flowing.set()
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> FaultProxy:
        self._run(self._accept)
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._flowing.set()
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def reset(self) -> None:
        """Break every open connection on both sides at once, with what is under way lost."""
        with self._lock:
            broken, self._open = self._open, set()
        for one in broken:
            try:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def stall(self) -> None:
        """Keep connections open and forward nothing, until `flow`."""
        self._flowing.clear()

    def flow(self) -> None:
        """Forward again."""
        self._flowing.set()

    def _run(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        self._listener.settimeout(0.05)
        while not self._stop.is_set():
            try:
                client = self._listener.accept()[0]
            except TimeoutError:
                continue
            except OSError:
                return
            self.connections += 1
            self._run(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        try:
            upstream = socket.create_connection(("127.0.0.1", self._upstream_port), timeout=5)
        except OSError:
            client.close()  # nobody is there
            return
        with self._lock:
            self._open |= {client, upstream}
        try:
            self._forward(client, upstream)
        finally:
            with self._lock:
                self._open -= {client, upstream}

    def _forward(self, client: socket.socket, upstream: socket.socket) -> None:
        with client, upstream, selectors.DefaultSelector() as selector:
            upstream.settimeout(None)
            selector.register(client, selectors.EVENT_READ, upstream)
            selector.register(upstream, selectors.EVENT_READ, client)
            sent = 0
            while not self._stop.is_set():
                self._flowing.wait()
                for key, _events in selector.select(0.05):
                    try:
                        data = key.fileobj.recv(16384)  # type: ignore[union-attr]
                        if not data:
                            return
                        if key.fileobj is upstream:
                            if 0 <= self.silent_after <= sent:
                                self._stop.wait(30)
                                return
                            if 0 <= self.cut_after < sent + len(data):
                                key.data.sendall(data[: self.cut_after - sent])
                                return
                            sent += len(data)
                        key.data.sendall(data)
                    except OSError:
                        return
