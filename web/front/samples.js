// The samples of the home page. {ws}, {http} and {key} stand for the addresses and the key of a
// server. tests/interop/samples.test.mjs and tests/browser/samples.test.mjs run each of them.

export const languages = ["browser", "node", "python", "curl", "cpp"];
export const topics = ["websocket", "socketio", "sse", "publish"];

export const samples = {
  websocket: {
    browser: `const socket = new WebSocket("{ws}/echo");
socket.onopen = () => socket.send("hello");
socket.onmessage = (event) => console.log(event.data);`,
    node: `import WebSocket from "ws";  // npm install ws

const socket = new WebSocket("{ws}/echo");
socket.on("open", () => socket.send("hello"));
socket.on("message", (data) => console.log(String(data)));`,
    python: `import asyncio
import websockets  # apt install python3-websockets

async def main():
    async with websockets.connect("{ws}/echo") as socket:
        await socket.send("hello")
        print(await socket.recv())

asyncio.run(main())`,
    curl: `# Shows the frames as they come; curl answers none of them.
curl --include --no-buffer --output - --max-time 3 --http1.1 \\
  -H "Connection: Upgrade" -H "Upgrade: websocket" \\
  -H "Sec-WebSocket-Version: 13" \\
  -H "Sec-WebSocket-Key: c3RhcmxpbmctaGVsbG8uLg==" {http}/figures`,
    cpp: `// #include <starling/client.h>
starling::ClientLoop loop;
starling::WebSocket socket(loop, "{ws}/echo");
socket.onopen = [&] { socket.send("hello"); };
socket.onmessage = [&](const starling::MessageEvent& event) {
    std::cout << event.text() << std::endl;
    socket.close();
};
loop.run();`,
  },
  socketio: {
    browser: `const script = document.createElement("script");
script.src = "{http}/socket.io/socket.io.js";
script.onload = () => {
  const socket = io("{http}", { auth: { name: "Ada" } });
  socket.on("message", ({ name, text }) => console.log(name, text));
  socket.emit("message", "hello");
};
document.head.append(script);`,
    node: `import { io } from "socket.io-client";  // npm install socket.io-client

const socket = io("{http}", { auth: { name: "Ada" } });
socket.on("message", ({ name, text }) => console.log(name, text));
socket.emit("message", "hello");`,
    python: `import asyncio
import json
import websockets  # apt install python3-websockets

async def main():
    url = "{ws}/socket.io/?EIO=4&transport=websocket"
    async with websockets.connect(url) as socket:
        async for packet in socket:
            if packet.startswith("0"):  # open: join under a name
                await socket.send('40{"name":"Ada"}')
            elif packet.startswith("40"):  # joined
                await socket.send('42["message","hello"]')
            elif packet == "2":  # ping
                await socket.send("3")
            elif packet.startswith("42"):
                print(json.loads(packet[2:]))

asyncio.run(main())`,
    curl: `# Opens a session over HTTP; the answer names it, and its limits.
curl "{http}/socket.io/?EIO=4&transport=polling"`,
    cpp: `// #include <starling/socketio_client.h> and <boost/json.hpp>
starling::ClientLoop loop;
auto socket = starling::sio::connect(loop, "{http}", {.auth = {{"name", "Ada"}}});
socket.on("message", [&](const starling::sio::Json& said) {
    std::cout << said.at("text") << std::endl;
    socket.disconnect();
});
socket.emit("message", "hello");
loop.run();`,
  },
  sse: {
    browser: `const events = new EventSource("{http}/sse/ServerEvent?Ref=ApiIndex");
events.onmessage = (event) => console.log(event.data);
// Each visit of {http}/api is an event.`,
    node: `// Each visit of {http}/api is an event.
const response = await fetch("{http}/sse/ServerEvent?Ref=ApiIndex");
for await (const chunk of response.body) process.stdout.write(chunk);`,
    python: `from urllib.request import urlopen

# Each visit of {http}/api is an event.
with urlopen("{http}/sse/ServerEvent?Ref=ApiIndex") as events:
    for line in events:
        print(line.decode(), end="", flush=True)`,
    curl: `# Each visit of {http}/api is an event.
curl --no-buffer "{http}/sse/ServerEvent?Ref=ApiIndex"`,
    cpp: `// #include <starling/client.h>: the same channel over WebSocket
starling::ClientLoop loop;
starling::WebSocket socket(loop, "{ws}/ws/ServerEvent?Ref=ApiIndex");
socket.onmessage = [&](const starling::MessageEvent& event) {
    std::cout << event.text() << std::endl;
};
loop.run();`,
  },
  publish: {
    node: `const answer = await fetch("{http}/api/publish", {
  method: "POST",
  headers: { "X-Api-Key": "{key}" },
  body: JSON.stringify({ channel: "ApiIndex", event: "hello" }),
});
console.log(await answer.text());`,
    python: `import json
from urllib.request import Request, urlopen

body = json.dumps({"channel": "ApiIndex", "event": "hello"}).encode()
request = Request("{http}/api/publish", body, {"X-Api-Key": "{key}"})
print(urlopen(request).read().decode())`,
    curl: `curl -H "X-Api-Key: {key}" \\
  -d '{"channel":"ApiIndex","event":"hello"}' {http}/api/publish`,
    cpp: `// #include <starling/events.h>: a server of your own
starling::Server server({.listen = "127.0.0.1:9001"});
auto& channels = server.events({.api_key = "{key}"});
channels.declare({.pattern = "ApiIndex"});
server.every(std::chrono::seconds(1), [&] { channels.publish("ApiIndex", "hello"); });
return server.run();`,
  },
};

export const ownServer = `// #include <starling/server.h>
using namespace starling;

Server server({.listen = "0.0.0.0:9001"});
server.websocket("/feed", {
    .message = [](ws::Socket socket, ws::Message message) {
        socket.send(message);
    },
});
return server.run();`;

export function fill(text, values) {
  return text.replace(/\{(ws|http|key)\}/g, (whole, name) => values[name]);
}
