"""An RTSP relay for tests: FFmpeg publishes to it (ANNOUNCE, RECORD), cameras' readers play from it over TCP or UDP.

SDP and RTP are FFmpeg's own, for any codec; the relay only passes packets on, and spoils them when told to. Written for
tests because the registries' packaged servers speak RTP over UDP alone and take H.264 alone; one of those, rtsp-rs,
serves beside it in `test_rtsp.py`.
"""

import random
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("rtsp_publisher.py")
CRLF = "\r\n"


@dataclass
class Mount:
    """One published stream: its description, who plays it, and what is done to its packets."""

    sdp: bytes
    players: "list[Player]" = field(default_factory=list)
    silent: bool = False
    garbled: bool = False
    passed: int = 0


@dataclass
class Player:
    """One that plays: its connection, and a UDP address when it asked for one."""

    connection: socket.socket
    lock: threading.Lock
    udp: tuple[socket.socket, tuple[str, int]] | None = None

    def send(self, channel: int, packet: bytes) -> None:
        if self.udp is not None:
            if channel == 0:
                self.udp[0].sendto(packet, self.udp[1])
            return
        with self.lock:
            self.connection.sendall(b"$" + bytes([channel]) + len(packet).to_bytes(2, "big") + packet)


class Relay:
    """Listens on one port of the loopback; `stop` and `start` again keep the port."""

    def __init__(self) -> None:
        self.mounts: dict[str, Mount] = {}
        self.played = 0
        self.answers_after_s = 0.0
        self._connections: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.port = 0
        self.start()

    def start(self) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Close everything at once, as a process that is killed."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for connection in list(self._connections):
            _close(connection)
        self.mounts.clear()

    def cut(self, name: str) -> None:
        """Close the connections of those that play a stream."""
        for player in list(self.mounts[name].players):
            _close(player.connection)

    def address(self, name: str) -> str:
        return f"rtsp://127.0.0.1:{self.port}/{name}"

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        stream, lock = connection.makefile("rb"), threading.Lock()
        player = Player(connection=connection, lock=lock)
        name, mine = "", None
        try:
            while first := stream.read(1):
                if first == b"$":
                    channel, size = stream.read(1)[0], int.from_bytes(stream.read(2), "big")
                    self._pass_on(name, channel, stream.read(size))
                    continue
                method, uri, headers, body = _request(first, stream)
                if method == "DESCRIBE":
                    time.sleep(self.answers_after_s)
                name = uri.split("://", 1)[-1].partition("/")[2].partition("/")[0].partition("?")[0] or name
                answer = self._answer(method, name, headers, body=body, player=player)
                mine = self.mounts[name] if method == "ANNOUNCE" else mine
                with lock:
                    connection.sendall(answer)
        except (OSError, ValueError, IndexError):
            pass
        finally:
            if mine is not None and self.mounts.get(name) is mine:
                del self.mounts[name]
            for mount in list(self.mounts.values()):
                with suppress(ValueError):
                    mount.players.remove(player)
            self._connections.discard(connection)
            _close(connection)
            stream.close()
            if player.udp is not None:
                player.udp[0].close()

    def _answer(self, method: str, name: str, headers: dict[str, str], *, body: bytes, player: Player) -> bytes:
        told, content = {"CSeq": headers.get("cseq", "0"), "Session": "1;timeout=60"}, b""
        if method == "ANNOUNCE":
            self.mounts[name] = Mount(sdp=body)
        elif method == "DESCRIBE":
            if name not in self.mounts:
                return f"RTSP/1.0 404 Not Found{CRLF}CSeq: {told['CSeq']}{CRLF}{CRLF}".encode()
            content, told["Content-Type"] = self.mounts[name].sdp, "application/sdp"
        elif method == "SETUP":
            told["Transport"] = _transport(headers["transport"], player)
        elif method == "PLAY":
            self.mounts[name].players.append(player)
            self.played += 1
        told |= {"Public": "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN", "Content-Length": str(len(content))}
        lines = ["RTSP/1.0 200 OK", *(f"{key}: {value}" for key, value in told.items())]
        return (CRLF.join(lines) + CRLF + CRLF).encode() + content

    def _pass_on(self, name: str, channel: int, packet: bytes) -> None:
        mount = self.mounts.get(name)
        if mount is None or mount.silent:
            return
        if mount.garbled and channel == 0:
            packet = packet[:12] + random.randbytes(len(packet) - 12)
        mount.passed += channel == 0 and packet[1] >= 0x80  # the marker ends a frame
        for player in list(mount.players):
            with suppress(OSError):
                player.send(channel, packet)


class Publisher:
    """A child process in which FFmpeg encodes and publishes streams; see `rtsp_publisher`."""

    def __init__(
        self,
        *addresses: str,
        codec: str = "libx264",
        size_px: tuple[int, int] = (320, 240),
        fps: int = 20,
        gop: int = 10,
    ) -> None:
        size = f"{size_px[0]}x{size_px[1]}"
        command = [sys.executable, str(PROGRAM), codec, size, str(fps), str(gop), *addresses]
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._child.stdout is not None
        if self._child.stdout.readline().strip() != "publishing":
            self.stop()
            raise AssertionError(f"nobody takes what is published at {addresses}")

    def stop(self) -> None:
        self._child.kill()
        self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()


def _request(first: bytes, stream: Any) -> tuple[str, str, dict[str, str], bytes]:
    method, uri, _ = (first + stream.readline()).decode().split(" ", 2)
    headers: dict[str, str] = {}
    while line := stream.readline().decode().strip():
        key, _, value = line.partition(":")
        headers[key.strip().lower()] = value.strip()
    return method, uri, headers, stream.read(int(headers.get("content-length", "0")))


def _transport(asked: str, player: Player) -> str:
    if "client_port=" not in asked:
        return asked
    port = int(asked.partition("client_port=")[2].partition("-")[0])
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(("127.0.0.1", 0))
    player.udp = (sender, ("127.0.0.1", port))
    here = sender.getsockname()[1]
    return f"RTP/AVP/UDP;unicast;client_port={port}-{port + 1};server_port={here}-{here + 1}"


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
