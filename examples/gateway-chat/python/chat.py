"""A chat with private messages behind `starling gateway`: an HTTP server that answers each webhook with actions
for the gateway. Usage: python3 chat.py [PORT]; the default port is 3010."""
import json
import pathlib
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = (pathlib.Path(__file__).parent.parent / "page.html").read_bytes()
names = {}  # By the connection's id.
lock = threading.Lock()  # For `names`: each of the gateway's connections has a thread here.


def to_one(conn_id, **payload):
    return {"send": {"conn_id": conn_id, "payload": payload}}


def to_all(**payload):
    return {"publish": {"topic": "chat", "payload": payload}}


def people():
    return to_all(event="people", names=sorted(set(names.values())))


def text_of(data, field, length):
    value = data.get(field)
    return value[:length] if isinstance(value, str) else ""


def on_message(conn_id, data):
    event, text = data.get("event"), text_of(data, "text", 1000)
    if event == "enter" and text_of(data, "name", 64):
        names[conn_id] = text_of(data, "name", 64)
        return [{"join": ["chat"]}, people()]
    sender = names.get(conn_id)
    if not sender:  # This program was started again.
        return [to_one(conn_id, event="who")]
    if event == "say":
        return [to_all(event="said", sender=sender, text=text)]
    to = text_of(data, "to", 64)
    receivers = {id for id, name in names.items() if name == to}
    if not receivers:
        return [to_one(conn_id, event="error", text=to + " is not here")]
    return [to_one(id, event="whispered", sender=sender, to=to, text=text) for id in receivers | {conn_id}]


def actions_for(webhook):
    conn_id, data = webhook["conn_id"], webhook["data"]
    if webhook["action"] == "message":
        return on_message(conn_id, data if isinstance(data, dict) else {})
    if webhook["action"] == "close" and names.pop(conn_id, None):
        return [people()]
    return []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # Connections stay open.
    wbufsize = -1  # Head and body leave together.

    def do_GET(self):
        self.answer("text/html; charset=utf-8", PAGE)

    def do_POST(self):
        webhook = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock:
            body = json.dumps({"actions": actions_for(webhook)})
        self.answer("application/vnd.starling.actions+json", body.encode())

    def answer(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", int((sys.argv + ["3010"])[1])), Handler).serve_forever()
