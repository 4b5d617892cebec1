"""bench/idle_client.py: one process of bench/million.py, with many WebSockets that only answer pings.

    idle_client.py PORT NUMBER

NUMBER says which loopback addresses the connections come from: a thousand from each, because the kernel looks long for a
free port of an address of which half are used. It takes commands, one a line, on its standard input:

    open N   opens N more; answers {"open": all}
    count    answers {"open": all, "pings": answered since the start, "closed": by the server}

When its input ends, it ends, and with it its connections.
"""

import json
import os
import select
import socket
import sys

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
HANDSHAKES_MAX = 256  # On their way at once.
CONNECTIONS_PER_ADDRESS = 1_000
ADDRESSES = 64  # For each client.
IP_BIND_ADDRESS_NO_PORT = 24  # linux/in.h; the socket module has no name for it.
FRAME_HEADER = 2
PING, CLOSE = 0x89, 0x88
PONG_HEADER, MASKED = 0x8A, 0x80


class Refused(Exception):
    """The server did not take a connection. The text says why."""


def frames(data):
    """[(first byte, payload)] of frames without a mask and shorter than 126 bytes, which are all that come here."""
    found = []
    at = 0
    while at + FRAME_HEADER <= len(data):
        end = at + FRAME_HEADER + data[at + 1]
        found.append((data[at], data[at + FRAME_HEADER : end]))
        at = end
    return found


def pong(payload):
    """The key of the mask is zero, so that the bytes stay as they are."""
    return bytes([PONG_HEADER, MASKED | len(payload)]) + bytes(4) + payload


class Client:
    def __init__(self, port, number):
        self.server = ("127.0.0.1", port)
        self.first_address = number * ADDRESSES
        self.begun = 0
        self.epoll = select.epoll()
        self.opening = set()
        self.open = self.pings = self.closed = 0

    def address(self):
        at = self.first_address + self.begun // CONNECTIONS_PER_ADDRESS % ADDRESSES
        return f"127.1.{at // 250}.{1 + at % 250}"

    def begin(self):
        made = socket.socket()
        made.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        made.bind((self.address(), 0))
        self.begun += 1
        made.connect(self.server)
        made.send(UPGRADE)
        made.setblocking(False)
        fd = made.detach()
        self.opening.add(fd)
        self.epoll.register(fd, select.EPOLLIN)

    def open_more(self, count):
        left = count
        while left or self.opening:
            while left and len(self.opening) < HANDSHAKES_MAX:
                self.begin()
                left -= 1
            self.step(1)

    def step(self, timeout):
        """True: there is a command to be read."""
        commanded = False
        for fd, _ in self.epoll.poll(timeout):
            if fd == 0:
                commanded = True
            else:
                self.take(fd)
        return commanded

    def take(self, fd):
        try:
            data = os.read(fd, 4096)
        except ConnectionError:
            data = b""
        if fd in self.opening:
            if not data.startswith(b"HTTP/1.1 101 "):
                raise Refused(data.partition(b"\r\n")[0].decode() or "the server closed a connection")
            self.opening.discard(fd)
            self.open += 1
            data = data.partition(b"\r\n\r\n")[2]
        elif not data:
            self.drop(fd)
        for first, payload in frames(data):
            if first == PING:
                os.write(fd, pong(payload))
                self.pings += 1
            elif first == CLOSE:
                self.drop(fd)
                break

    def drop(self, fd):
        self.epoll.unregister(fd)
        os.close(fd)
        self.open -= 1
        self.closed += 1

    def run(self):
        self.epoll.register(0, select.EPOLLIN)
        commands = b""
        while True:
            if not self.step(-1):
                continue
            read = os.read(0, 4096)
            if not read:
                return
            *lines, commands = (commands + read).split(b"\n")
            for line in lines:
                self.obey(line.split())

    def obey(self, words):
        said = {}
        if words[0] == b"open":
            try:
                self.open_more(int(words[1]))
            except (Refused, OSError) as reason:
                said = {"error": str(reason)}
        print(json.dumps({"open": self.open, "pings": self.pings, "closed": self.closed, **said}), flush=True)


if __name__ == "__main__":
    Client(int(sys.argv[1]), int(sys.argv[2])).run()
