"""Many assignment requests over a few kept-alive connections, without an HTTP library in the way."""

import asyncio
import json
from collections.abc import Sequence
from urllib.parse import urlsplit

CONNECTIONS = 8


def _request(host: str, key: str, experiment: str, unit_id: str) -> bytes:
    body = json.dumps({"visitor_id": unit_id, "experiments": [experiment]}).encode()
    head = (
        f"POST /api/v1/assignments HTTP/1.1\r\nHost: {host}\r\nX-API-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> dict[str, object]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise RuntimeError(head.decode())
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    found: dict[str, object] = json.loads(await reader.readexactly(length))
    return found


async def _ask(url: str, key: str, experiment: str, ids: Sequence[str]) -> list[dict[str, object]]:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    answers = []
    for unit_id in ids:
        writer.write(_request(address.netloc, key, experiment, unit_id))
        answers.append(await _answer(reader))
    writer.close()
    await writer.wait_closed()
    return answers


async def _ask_all(url: str, key: str, experiment: str, ids: Sequence[str]) -> list[str]:
    parts = [ids[number::CONNECTIONS] for number in range(CONNECTIONS)]
    found = await asyncio.gather(*(_ask(url, key, experiment, part) for part in parts))
    given: dict[str, str] = {}
    for part, answers in zip(parts, found, strict=True):
        for unit_id, answer in zip(part, answers, strict=True):
            given[unit_id] = json.dumps(answer["assignments"], sort_keys=True)
    return [given[unit_id] for unit_id in ids]


def assign_over_http(url: str, key: str, experiment: str, ids: Sequence[str]) -> list[str]:
    """The service's answer (canonical JSON) for each id, in order."""
    return asyncio.run(_ask_all(url, key, experiment, ids))
