"""bench/gateway_peers.py: the gateways that are compared, each before an application of its own.

The application shares the load generator's cores: what is measured is the gateway.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import tempfile
import time

import peers

KEY = "bench"  # Key of the control API; bench/control_pool.h has the same.
WEBHOOK_PATH = "/websocket/message"
NODE = "Node ws + undici"
PUSHPIN = "Pushpin"

PUSHPIN_CONF = """
[global]
include={{libdir}}/internal.conf
rundir={folder}/run
ipc_prefix=bench-
port_offset=0
[runner]
services=condure,zurl,pushpin-proxy,pushpin-handler
http_port=127.0.0.1:{port}
logdir={folder}/log
log_level=1
client_buffer_size=8192
client_maxconn=10000
[proxy]
routesfile=routes
updates_check=off
zurl_out_specs=ipc://{{rundir}}/{{ipc_prefix}}zurl-in
zurl_out_stream_specs=ipc://{{rundir}}/{{ipc_prefix}}zurl-in-stream
zurl_in_specs=ipc://{{rundir}}/{{ipc_prefix}}zurl-out
[handler]
push_in_spec=ipc://{{rundir}}/{{ipc_prefix}}push
push_in_sub_specs=ipc://{{rundir}}/{{ipc_prefix}}sub
push_in_http_port={publish_port}
command_spec=ipc://{{rundir}}/{{ipc_prefix}}command
"""
PUSHPIN_SERVICES = 4

HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Gateway(peers.Peer):
    """A peer whose command also gets the application's port: (port, application port)."""

    def __init__(self, name, build, command):
        super().__init__(name, command)
        self._build = build

    @contextlib.contextmanager
    def application(self):
        port = peers.free_port()
        command = [peers.program(self._build, "gateway_application"), port]
        with peers.started(command, port, peers.client_cores()):
            yield port

    @contextlib.contextmanager
    def serve(self, use, cores):
        port = peers.free_port()
        with self.application() as application:
            command = self._command(port, application)
            with peers.started(command, port, cores) as process:
                yield port, process.pid


class Pushpin(Gateway):
    # Pushpin queues a hundred requests to the application, and closes the clients of further requests.
    # With 200 clients this happens in about every second run.
    tries = 8

    def __init__(self, build):
        super().__init__(PUSHPIN, build, None)

    @contextlib.contextmanager
    def serve(self, use, cores):
        pushpin = shutil.which("pushpin")
        if not pushpin:
            raise peers.Missing("not installed (package pushpin)")
        with tempfile.TemporaryDirectory(prefix="starling-bench-") as name, self.application() as port:
            folder = pathlib.Path(name)
            (folder / "run").mkdir()
            (folder / "log").mkdir()
            (folder / "routes").write_text(f"* 127.0.0.1:{port},over_http\n")
            own, publish = peers.free_port(), peers.free_port()
            conf = PUSHPIN_CONF.format(folder=folder, port=own, publish_port=publish)
            (folder / "pushpin.conf").write_text(conf)
            command = [pushpin, "--config", folder / "pushpin.conf"]
            with peers.started(command, own, cores) as process:
                services = peers.children(process.pid)
                try:
                    wait_until_accepting(own)
                    services = peers.children(process.pid)
                    if len(services) != PUSHPIN_SERVICES:
                        raise peers.Missing(f"has {len(services)} services")
                    yield own, ",".join(map(str, [process.pid, *services]))
                finally:
                    stop(process, services)


def stop(process, services):
    """Ends Pushpin; its services are ended one by one if it does not do so itself."""
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(peers.subprocess.TimeoutExpired):
        process.wait(peers.STOP_SECONDS_MAX)
        return
    for service in services:
        with contextlib.suppress(ProcessLookupError):
            os.kill(service, signal.SIGKILL)


def wait_until_accepting(port):
    """Pushpin listens before its services know each other, and answers 502 until then."""
    deadline = time.monotonic() + peers.START_SECONDS_MAX
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
                probe.sendall(HANDSHAKE.encode())
                if b" 101 " in probe.recv(4096):
                    return
        time.sleep(0.05)
    raise peers.Missing("accepts no WebSocket")


def starling(build):
    def command(port, application):
        url = f"http://127.0.0.1:{application}{WEBHOOK_PATH}"
        return [peers.program(build, "starling_gateway"), port, url, KEY]

    return Gateway("starling", build, command)


def node(build):
    def command(port, application):
        program = shutil.which("node")
        if not program or not (peers.HERE.parent / "tests/node_modules/undici").exists():
            raise peers.Missing("not installed (Node.js, ws and undici in tests/node_modules)")
        url = f"http://127.0.0.1:{application}{WEBHOOK_PATH}"
        return [program, "--expose-gc", peers.HERE / "ws_gateway.mjs", port, url, KEY]

    return Gateway(NODE, build, command)
