"""Connections that are bounded: in number, in heads of requests, in how long they may wait."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from catalog.serving.answers import refused

CONNECTIONS = 512
"""Most connections at a time: half of the files that a process may commonly have open, the rest is
for those that wait to be accepted, and for what requests read."""

PIECE_BYTES = 4 << 10
"""Bytes that are parsed at once: the bound of a head is looked at between two pieces, so one that
arrives all at once is bounded as one that arrives slowly."""

REQUEST_S = 30.0
"""How long a connection may be without a request that is whole: those that send one byte now and
then would otherwise keep others out for ever."""


class BoundedConnection(H11Protocol):
    """A connection that is closed if there are too many, or if it asks for nothing."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Takes a new connection, or says that there are too many."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.write(_too_many())
            transport.close()
            return
        self._timer = self.loop.call_later(REQUEST_S, self._look, None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets a connection."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes bytes of requests, until one is refused."""
        for start in range(0, len(data), PIECE_BYTES):
            if self.transport.is_closing():
                return
            super().data_received(data[start : start + PIECE_BYTES])

    def _look(self, last: object) -> None:
        """Closes the connection if no request has come since the last look and none is answered."""
        is_answered = self.cycle is None or self.cycle.response_complete
        if self.cycle is last and is_answered:
            self.transport.close()
            return
        self._timer = self.loop.call_later(REQUEST_S, self._look, self.cycle)


def _too_many() -> bytes:
    body = refused(503, "ServiceUnavailableException", "too many connections").body
    head = (
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nretry-after: 1\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
