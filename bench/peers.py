"""bench/peers.py: starts, finds and ends the servers that are compared.

Every server listens on a free port of 127.0.0.1, is pinned to the given cores, and is ended by
its own process id.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
START_SECONDS_MAX = 10
STOP_SECONDS_MAX = 3

NGINX_CONF = """
load_module {module};
daemon off;
worker_processes 1;
worker_rlimit_nofile 18000;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 17000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    nchan_shared_memory_size 256M;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        tcp_nodelay on;
        location = /subscribe {{
            nchan_subscriber websocket;
            nchan_channel_id bench;
            nchan_subscriber_first_message newest;
            nchan_store_messages off;
        }}
        location = /publish {{
            nchan_publisher websocket;
            nchan_channel_id bench;
            nchan_store_messages off;
            nchan_deflate_message_for_websocket {deflate};
        }}
    }}
}}
"""
NODE_SOCKETIO = "Node socket.io"
NCHAN_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_nchan_module.so")


class Missing(Exception):
    """This server cannot be measured here. The text says why."""


def client_cores():
    """Where the load generator runs, and with it what is not measured."""
    return {min(os.sched_getaffinity(0))}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_listening(port, process):
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Missing(f"ended with {process.returncode} at its start")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise Missing("does not listen")


def children(pid):
    """The process ids whose parent is `pid`."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(entry.parent.name))
    return found


def only_child(pid):
    """Waits for the worker of nginx, because nginx listens before its worker runs."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        found = children(pid)
        if len(found) == 1:
            return found[0]
        time.sleep(0.02)
    raise Missing("has no worker")


@contextlib.contextmanager
def started(command, port, cores):
    """Runs a server pinned to `cores`, yields its process, and then ends it, by force if it takes long."""
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    try:
        wait_until_listening(port, process)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Peer:
    """One server. `serve(use, cores)` gives (port, process ids) while it runs."""

    tries = 1  # How often a run is begun anew before the server counts as missing.

    def __init__(self, name, command):
        self.name = name
        self._command = command  # (use, port) -> list of arguments; raises Missing.

    @contextlib.contextmanager
    def serve(self, use, cores):
        port = free_port()
        with started(self._command(use, port), port, cores) as process:
            yield port, process.pid


class Nchan(Peer):
    def __init__(self, compressed=False):
        super().__init__("nginx + nchan", None)
        self._deflate = "on" if compressed else "off"

    @contextlib.contextmanager
    def serve(self, use, cores):
        nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if not nginx or not NCHAN_MODULE.exists():
            raise Missing("not installed (packages nginx, libnginx-mod-nchan)")
        with tempfile.TemporaryDirectory(prefix="starling-bench-") as folder:
            os.chmod(folder, 0o755)  # If this user is root, nginx's worker runs as another user.
            port = free_port()
            conf = pathlib.Path(folder, "nginx.conf")
            conf.write_text(NGINX_CONF.format(module=NCHAN_MODULE, folder=folder, port=port, deflate=self._deflate))
            command = [nginx, "-e", f"{folder}/error.log", "-p", folder, "-c", conf]
            with started(command, port, cores) as process:
                yield port, only_child(process.pid)


def pss(pid, kind="Pss"):
    """Bytes of memory of a process; pages that n processes share count as one n-th. Pss_Anon: without files."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(f"{kind}:"))


def program(build, name):
    path = pathlib.Path(build, "bench", name)
    if not path.exists():
        raise Missing(f"{path} is not built")
    return path


def starling_command(build, workers=1, *more):
    def command(use, port):
        which = "starling_broadcast" if use == "fanout" else "starling_echo"
        return [program(build, which), port, workers, *more]

    return command


def starling(build, workers=1, name="starling"):
    return Peer(name, starling_command(build, workers))


def starling_large(build, message_bytes_max):
    return Peer("starling", starling_command(build, 1, "off", message_bytes_max))


def starling_keeping(build, message_bytes_max):
    """The allocator keeps the memory of large messages in place of giving it back to the kernel after each."""
    tunables = "GLIBC_TUNABLES=glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=268435456"
    command = starling_command(build, 1, "off", message_bytes_max)
    return Peer("starling, memory kept", lambda use, port: ["env", tunables, *command(use, port)])


def starling_uring(build):
    """Missing where the kernel refuses io_uring, because starling would run on epoll there."""

    def command(use, port):
        if subprocess.run([program(build, "floor_uring"), "--check"], check=False).returncode != 0:
            raise Missing("the kernel or a sandbox refuses io_uring")
        return ["env", "STARLING_IO=io_uring", *starling_command(build)(use, port)]

    return Peer("starling, io_uring", command)


def starling_events(build):
    return Peer("starling events", lambda use, port: [program(build, "starling_events"), port])


def events_floor(build):
    return Peer("floor (send loop)", lambda use, port: [program(build, "events_floor"), port])


def floor(build):
    return Peer("floor (raw epoll)", lambda use, port: [program(build, "floor"), port])


def floor_uring(build):
    return Peer("floor (raw io_uring)", lambda use, port: [program(build, "floor_uring"), port])


def beast(build):
    def command(use, port):
        return [program(build, "beast_echo"), port, "broadcast" if use == "fanout" else "echo"]

    return Peer("Boost.Beast", command)


def node_ws(compression="off"):
    def command(use, port):
        node = shutil.which("node")
        if not node or not (HERE.parent / "tests/node_modules/ws").exists():
            raise Missing("not installed (Node.js and tests/node_modules)")
        script = [node, "--expose-gc", HERE / "ws_echo.mjs", port]
        return [*script, "broadcast" if use == "fanout" else "echo", compression]

    return Peer("Node ws", command)


def starling_socketio(build):
    return Peer("starling", lambda use, port: [program(build, "starling_socketio"), port])


def node_socketio():
    def command(use, port):
        node = shutil.which("node")
        if not node or not (HERE.parent / "tests/node_modules/socket.io").exists():
            raise Missing("not installed (Node.js and socket.io in tests/node_modules)")
        return [node, "--expose-gc", HERE / "socketio_server.mjs", port]

    return Peer(NODE_SOCKETIO, command)


def starling_topics(build, name="starling"):
    return Peer(name, lambda use, port: [program(build, "starling_topics"), port])


def node_topics(name, kind):
    """`kind`: ws or socketio."""

    def command(use, port):
        node = shutil.which("node")
        package = {"ws": "ws", "socketio": "socket.io"}[kind]
        if not node or not (HERE.parent / "tests/node_modules" / package).exists():
            raise Missing(f"not installed (Node.js and {package} in tests/node_modules)")
        return [node, HERE / "topics_server.mjs", port, kind]

    return Peer(name, command)
