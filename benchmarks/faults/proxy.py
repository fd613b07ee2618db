"""A TCP proxy in front of the bench's Postgres that can be slow, silent, cut or half open.

Clients come by TCP, as to a database across a network; the server is reached by its Unix socket.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

Mode = Literal["pass", "silent", "reset", "trickle", "half-open"]

_CHUNK_BYTES: Final = 65_536
_QUEUED_CHUNKS: Final = 64
_NOW: Final = struct.pack("ii", 1, 0)


class Proxy:
    """Passes connections on, according to its mode.

    `pass` forwards each byte `delay_seconds` after it came, as a long line does: a round trip takes that
    long. `silent` takes connections and bytes and gives nothing in either direction, `reset` cuts what is
    open and what comes, `trickle` lets one byte a second through in each direction, `half-open` passes the
    client's bytes to the server and no answer back.
    """

    def __init__(self, conninfo: str) -> None:
        """`conninfo` names the server by the folder of its Unix socket."""
        parts = conninfo_to_dict(conninfo)
        self._target = Path(str(parts["host"])) / f".s.PGSQL.{parts['port']}"
        self._conninfo = conninfo
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._mode: Mode = "pass"
        self._delay_seconds = 0.0
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def conninfo(self, database: str) -> str:
        """The conninfo of a database by way of the proxy."""
        return make_conninfo(self._conninfo, host="127.0.0.1", port=self.port, dbname=database)

    def behave(self, mode: Mode, *, delay_seconds: float = 0.0) -> None:
        """From now on; returns when it holds. Open connections behave like that too."""

        async def change() -> None:
            self._mode, self._delay_seconds = mode, delay_seconds
            if mode == "reset":
                for client in list(self._clients):
                    _cut(client)

        self._run(change)

    def __enter__(self) -> Self:
        self._thread.start()

        async def listen() -> None:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]

        self._run(listen)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        async def close() -> None:
            if self._server is not None:
                self._server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        self._run(close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _run(self, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.run_coroutine_threadsafe(act(), self._loop).result(10)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._clients.add(writer)
        answers: asyncio.StreamWriter | None = None
        try:
            if self._mode == "reset":
                return
            from_server, answers = await asyncio.open_unix_connection(self._target)
            pumps = [
                asyncio.create_task(self._pump(reader, answers, is_answer=False)),
                asyncio.create_task(self._pump(from_server, writer, is_answer=True)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            # No server behind: the client learns it as from a closed port.
            pass
        finally:
            self._tasks.discard(task)
            self._clients.discard(writer)
            _cut(writer)
            if answers is not None:
                answers.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        """One direction, until either end closes; a closing passes through as well, except where nothing
        does.
        """
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUED_CHUNKS)

        async def receive() -> None:
            while chunk := await reader.read(_CHUNK_BYTES):
                await queue.put((self._loop.time(), chunk))
            await queue.put((self._loop.time(), b""))

        receiving = asyncio.create_task(receive())
        try:
            while True:
                came_at, chunk = await queue.get()
                await asyncio.sleep(max(0.0, came_at + self._delay_seconds - self._loop.time()))
                if self._is_swallowed(is_answer=is_answer):
                    if not chunk and not is_answer:
                        # The client has gone: nobody is left to be kept waiting.
                        return
                    continue
                if not chunk:
                    return
                await self._forward(writer, chunk, is_answer=is_answer)
        except OSError:
            return
        finally:
            receiving.cancel()

    def _is_swallowed(self, *, is_answer: bool) -> bool:
        return self._mode == "silent" or (self._mode == "half-open" and is_answer)

    async def _forward(self, writer: asyncio.StreamWriter, chunk: bytes, *, is_answer: bool) -> None:
        while chunk and self._mode == "trickle":
            writer.write(chunk[:1])
            await writer.drain()
            chunk = chunk[1:]
            await asyncio.sleep(1.0)
        if chunk and not self._is_swallowed(is_answer=is_answer):
            writer.write(chunk)
            await writer.drain()


def _cut(writer: asyncio.StreamWriter) -> None:
    """Close at once; what the other end sends next is answered with a reset."""
    found = writer.get_extra_info("socket")
    if found is not None and writer.transport is not None and not writer.transport.is_closing():
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOW)
    writer.transport.abort()
