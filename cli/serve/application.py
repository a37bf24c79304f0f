"""The web application: who may ask, and answers of the catalog as those of HTTP."""

import ipaddress
import logging
import re
from collections.abc import Callable, Iterable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as WebRequest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from catalog.messages import shown
from catalog.serving.answers import Answer, refused
from catalog.serving.requests import Request
from cli.serve.token import Token

LOG = logging.getLogger("catalog.serving")

_ETAG = re.compile(r'"[^"]*"')


class Application:
    """The catalog over HTTP, as an ASGI application."""

    def __init__(self, answer: Callable[[Request], Answer], *, token: Token | None) -> None:
        """Takes what answers.

        Args:
            answer: Answers requests; it is called in threads.
            token: What requests must have; without one they must be to this machine by a name of
                its own, so that no page in a browser can ask by a name that it controls.
        """
        self._answer = answer
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            raise ValueError(f"{scope['type']} is not served")
        refusal = self._refusal(scope)
        if refusal is None:
            answer = await run_in_threadpool(self._safely, _request(scope))
        else:
            answer = refusal
        response = Response(answer.body, answer.status, answer.headers, _media_type(answer))
        await response(scope, receive, send)

    def _refusal(self, scope: Scope) -> Answer | None:
        """Returns the answer to a request that may not be made; None if it may."""
        headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
        if not scope["http_version"].startswith("1."):
            return refused(505, "BadRequestException", "HTTP/1.1 is spoken here")
        if self._token is None:
            hosts = [value for name, value in headers if name == b"host"]
            if all(map(is_own_name, hosts)):
                return None
            message = "without a token, this catalog is served to this machine only"
            return refused(403, "ForbiddenException", message)
        if self._token.is_in(headers):
            return None
        message = "the request has no bearer token, or not the right one"
        challenge = {"WWW-Authenticate": "Bearer"}
        return refused(401, "NotAuthorizedException", message, headers=challenge)

    def _safely(self, request: Request) -> Answer:
        try:
            return self._answer(request)
        except Exception as error:  # noqa: BLE001 - one request must not end the server
            failed = shown(f"{request.method} {request.path}: {type(error).__name__}: {error}")
            LOG.error("internal error: %s", failed)
            return refused(500, "InternalServerError", "internal error; the server's log has more")


def is_own_name(host: bytes) -> bool:
    """Returns whether the header ``Host`` names this machine as only itself calls it."""
    name = re.sub(rb":[0-9]*\Z", b"", host).decode("latin-1")
    if name.casefold().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def _request(scope: Scope) -> Request:
    web = WebRequest(scope)
    known = ",".join(web.headers.getlist("if-none-match"))
    path = scope.get("raw_path") or b""
    return Request(
        scope["method"],
        path.decode("latin-1"),
        dict(web.query_params),
        tuple(_ETAG.findall(known)),
    )


def _media_type(answer: Answer) -> str | None:
    return "application/json" if answer.body else None
