"""A minimal HTTP/1.1 caller on asyncio streams: tests decide about every octet."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes


def post(path: str, body: bytes, *fields: str) -> bytes:
    """A POST request."""
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join([*head, "", ""]).encode() + body


def get(path: str, *fields: str) -> bytes:
    """A GET request."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *fields, "", ""]).encode()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """The next final response; interim ones (100) are skipped."""
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        status = int(head[0].split()[1])
        if status != 100:
            break
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(status, headers, body)


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> Answer:
    """Sends and waits for the response, a minute at most."""
    writer.write(request)
    async with asyncio.timeout(60):
        return await read_answer(reader)
