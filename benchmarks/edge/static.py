"""The limit: a raw ASGI answer that was ready before anybody asked, under the service's own uvicorn settings.

`python -m benchmarks.edge.static PORT BYTES`
"""

import sys
from typing import Any

import uvicorn


def _application(size: int) -> Any:
    body = b"x" * size
    headers = [
        (b"content-type", b"application/json"),
        (b"etag", b'"0123456789abcdef0123456789abcdef"'),
        (b"content-length", str(size).encode()),
    ]

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body", False):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


if __name__ == "__main__":
    port, size = map(int, sys.argv[1:])
    uvicorn.run(
        _application(size),
        host="127.0.0.1",
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=10,
    )
