// `starling bench` against running servers: this one over TCP, TLS and a Unix-domain socket, npm's ws,
// Node's socket.io, server-sent events of Node; and servers that refuse, reset, close, answer wrong or
// not at all. At a fixed rate the number of messages follows from the rate alone, so no case depends on
// how fast the machine is.

import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { Server as SocketIo } from "socket.io";
import { WebSocketServer } from "ws";

import { certificate } from "./certificates.mjs";
import { freePort, Program, run, serve, temporaryFolder, until } from "./server.mjs";

const quick = { "--warmup": "0", "--seconds": "0.2", "--timeout-s": "30" };
const rate = ["--rate", "500"];
const messages = 100; // At that rate in that time.

const withDefaults = (args) => [...Object.entries(quick).filter(([name]) => !args.includes(name)).flat(), ...args];

// {code, report, err} of a run with --json.
async function bench(url, ...args) {
  const { code, stdout, stderr } = await run(["bench", "--json", ...withDefaults(args), url]);
  return { code, report: stdout && JSON.parse(stdout), err: stderr.trim() };
}

const ends = [];
after(() => Promise.all(ends.map((end) => end())));

// A server of the test on a free port: {port, url}.
async function listen(server) {
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  ends.push(() => {
    server.closeAllConnections?.();
    server.close();
  });
  const { port } = server.address();
  return { port, url: `ws://127.0.0.1:${port}/` };
}

// A ws server that calls `each` for a connection; `options` of WebSocketServer.
async function webSockets(each, options = {}) {
  const server = http.createServer();
  new WebSocketServer({ server, ...options }).on("connection", each);
  return (await listen(server)).url;
}

const echoed = (socket) => socket.on("message", (data, binary) => socket.send(data, { binary }));

function expectGood({ code, report, err }, count = messages) {
  assert.equal(err, "");
  assert.deepEqual(report.errors, {});
  assert.equal(report.latency_us.count, count);
  assert.equal(report.connections.opened, report.connections.wanted);
  assert.equal(code, 0);
}

describe("starling bench, scenario echo", () => {
  const folder = temporaryFolder();
  const socket = path.join(folder, "s.sock");
  let plain;
  let secure;
  let pem;
  before(async () => {
    const port = await freePort();
    const websocket = [{ path: "/echo", kind: "echo" }];
    plain = await serve({ listen: [{ address: `127.0.0.1:${port}` }, { address: `unix:${socket}` }], websocket },
      { port });
    pem = certificate(folder, "localhost");
    secure = await serve({ websocket, tls: { certificates: [{ cert: pem.cert, key: pem.key }] } }, { tls: true });
  });
  after(() => Promise.all([plain?.stop(), secure?.stop()]));

  test("this server", async () => {
    expectGood(await bench(plain.url("/echo"), ...rate));
    expectGood(await bench(`ws://localhost:${plain.port}/echo`, ...rate, "--threads", "3", "--binary", "--size", "70000"));
    expectGood(await bench(`ws+unix:${socket}:/echo`, ...rate, "--connections", "7"));
    expectGood(await bench(plain.url("/echo", "http"), ...rate, "--sources", "127.0.0.1-127.0.0.9"));
  });

  test("messages that are given", async () => {
    const seen = new Set();
    const url = await webSockets((one) => {
      one.on("message", (data) => seen.add(String(data)));
      echoed(one);
    });
    expectGood(await bench(url, ...rate, "--message", "hello, 世界"));
    expectGood(await bench(url, ...rate, "--message", '{"a":"{payload}"}', "--size", "3"));
    assert.deepEqual([...seen], ["hello, 世界", '{"a":"xxx"}']);
  });

  test("the closed model", async () => {
    for (const depth of ["1", "16"]) {
      const { code, report } = await bench(plain.url("/echo"), "--depth", depth, "--server-pid", String(plain.pid));
      assert.deepEqual([code, report.errors], [0, {}]);
      assert.equal(report.count, report.latency_us.count);
      assert.equal(typeof report.server_cpu.us, "number");
    }
  });

  test("over TLS", async () => {
    const url = `wss://localhost:${secure.port}/echo`;
    expectGood(await bench(url, ...rate, "--ca", pem.cert));
    expectGood(await bench(url, ...rate, "--insecure", "--size", "100000", "--connections", "5"));
    const refused = await bench(url, ...rate);
    assert.equal(refused.code, 1);
    assert.deepEqual(refused.report.errors, { TLS: 50 });
    assert.match(refused.report.error_texts.TLS, /self.signed/i);
  });

  test("npm's ws, with headers, an origin and a subprotocol", async () => {
    const seen = [];
    const url = await webSockets((socket, request) => {
      seen.push([request.headers["x-a"], request.headers.origin, socket.protocol]);
      echoed(socket);
    });
    expectGood(await bench(url, ...rate, "--connections", "2", "--header", "X-A: 1", "--origin", "http://o.example",
      "--protocol", "chat", "--protocol", "other"));
    assert.deepEqual(seen, [["1", "http://o.example", "chat"], ["1", "http://o.example", "chat"]]);
    expectGood(await bench(await webSockets((socket) => {
      socket.ping("hi");
      echoed(socket);
    }), ...rate));
  });

  test("compression, with npm's ws", async () => {
    const options = [{ threshold: 0 }, { threshold: 0, clientMaxWindowBits: 9, serverMaxWindowBits: 9 }, false];
    for (const perMessageDeflate of options) {
      const url = await webSockets(echoed, { perMessageDeflate });
      const result = await bench(url, ...rate, "--compress", "--size", "3000");
      expectGood(result);
      assert.equal(result.report.connections.compressed, perMessageDeflate ? 50 : 0);
    }
    const url = await webSockets((socket) => {
      socket.on("message", (data) => socket.send(String(data).replace(/x$/, "y")));
    }, { perMessageDeflate: { threshold: 0 } });
    const { code, report } = await bench(url, "--compress", "--connections", "3", "--seconds", "60");
    assert.deepEqual([code, report.errors], [1, { "bad answer": 3 }]);
  });

  test("through a proxy", async () => {
    const asked = [];
    const proxy = http.createServer();
    proxy.on("connect", (request, socket) => {
      asked.push(request.url);
      socket.on("error", () => {});
      if (request.url.startsWith("refused.example:")) return socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      const way = net.connect(request.url.endsWith(":443") ? secure.port : plain.port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        way.pipe(socket).pipe(way);
      });
      way.on("error", () => socket.destroy());
      return way;
    });
    const { port } = await listen(proxy);
    const url = "ws://far.example/echo";
    expectGood(await bench(url, ...rate, "--connections", "3", "--proxy", `http://127.0.0.1:${port}`));
    assert.deepEqual(asked, ["far.example:80", "far.example:80", "far.example:80"]);
    const env = { http_proxy: `http://127.0.0.1:${port}` };
    const { code, stdout } = await run(["bench", "--json", ...withDefaults(rate), url], { env });
    assert.deepEqual([code, JSON.parse(stdout).errors, asked.length], [0, {}, 53]);
    expectGood(await bench("wss://localhost/echo", ...rate, "--connections", "3", "--ca", pem.cert, "--proxy",
      `127.0.0.1:${port}`));
    assert.equal(asked.at(-1), "localhost:443");
    const refused = await bench("ws://refused.example/", "--connections", "2", "--proxy", `127.0.0.1:${port}`);
    assert.deepEqual([refused.code, refused.report.errors], [1, { proxy: 2 }]);
    assert.match(refused.report.error_texts.proxy, /403: Forbidden/);
    const around = await run(["bench", ...withDefaults(rate), "--proxy", "none", "ws://no.invalid/"], { env });
    assert.equal(around.code, 1);
  });

  test("the table", async () => {
    const { code, stdout, stderr } = await run(["bench", ...withDefaults(rate), "--connections", "3", plain.url("/echo")]);
    assert.equal(stderr, "");
    assert.match(stdout, /^echo ws:.*, 3 connections, 500 messages\/s, 64 bytes, 0\.\d s\n\n/);
    assert.match(stdout, /\nlatency {9}p50 .* max .*\nconnections {5}3 of 3 opened in .*\nCPU here .*\nerrors {10}none\n$/);
    assert.equal(code, 0);
  });

  test("SIGINT ends it with the table of what was measured", async () => {
    const connections = [];
    const url = await webSockets((one) => {
      connections.push(one);
      echoed(one);
      one.on("message", () => { connections.busy = true; });
    });
    const program = new Program("starling", ["bench", "--warmup", "0", "--seconds", "3600", "--json", url]);
    await until(() => connections.busy, "messages");
    program.signal("SIGINT");
    const { code } = await program.exited;
    const report = JSON.parse(program.stdout);
    assert.deepEqual([code, report.interrupted, report.errors, report.connections.opened], [0, true, {}, 50]);
  });
});

describe("starling bench, other scenarios", () => {
  test("fanout", async () => {
    const listeners = new Set();
    const server = http.createServer();
    new WebSocketServer({ server }).on("connection", (socket, request) => {
      if (request.url === "/listen") listeners.add(socket);
      socket.send("welcome");
      socket.on("message", (data) => {
        for (const one of listeners) one.send(JSON.stringify({ text: String(data) }));
      });
    });
    const { url } = await listen(server);
    const result = await bench(`${url}listen`, "--publish-url", `${url}publish`, "--scenario", "fanout", ...rate,
      "--connections", "5");
    expectGood(result, messages * 5);
    assert.deepEqual([result.report.missing, result.report.other_messages], [0, 5]);
  });

  test("fanout by a connection that receives as well; a server that loses some", async () => {
    const all = new Set();
    let lost = 0;
    const url = await webSockets((socket) => {
      all.add(socket);
      socket.on("message", (data) => {
        for (const one of all) one.send(String(data));
      });
    });
    expectGood(await bench(url, "--scenario", "fanout", ...rate, "--connections", "3"), messages * 3);
    const losing = await webSockets((socket, request) => {
      if (request.url === "/listen") all.add(socket);
      socket.on("message", (data) => {
        for (const one of all) if (one.readyState === 1 && (lost++ < 7) === false) one.send(String(data));
      });
    });
    all.clear();
    const { code, report } = await bench(`${losing}listen`, "--publish-url", losing, "--scenario", "fanout", ...rate,
      "--connections", "1");
    assert.deepEqual([code, report.missing, report.errors], [1, 7, { undelivered: 7 }]);
  });

  test("server-sent events", async () => {
    const listeners = new Set();
    const server = http.createServer((request, response) => {
      if (request.url !== "/events") return response.writeHead(403).end();
      response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
      response.write(": hello\n\n");
      return listeners.add(response);
    });
    new WebSocketServer({ server }).on("connection", (socket) => {
      socket.on("message", (data) => {
        for (const one of listeners) one.write(`event: x\ndata: ${data}\n\n`);
      });
    });
    const { port, url } = await listen(server);
    const events = ["--scenario", "events", "--connections", "4", "--publish-url", url];
    expectGood(await bench(`http://127.0.0.1:${port}/events`, ...events, ...rate), messages * 4);
    const refused = await bench(`http://127.0.0.1:${port}/other`, ...events, ...rate);
    assert.deepEqual([refused.code, refused.report.errors], [1, { "handshake status 403": 4 }]);
  });

  test("Socket.IO's acks", async () => {
    const server = http.createServer();
    const io = new SocketIo(server);
    io.on("connection", (socket) => {
      socket.emit("welcome", 1);
      socket.on("echo", (text, answer) => answer(text));
      socket.on("wrong", (text, answer) => answer(`${text}!`));
    });
    const { port } = await listen(server);
    const url = `http://127.0.0.1:${port}`;
    const acks = ["--scenario", "socketio-ack", "--connections", "5"];
    expectGood(await bench(url, ...acks, ...rate));
    const closed = await bench(url, ...acks, "--depth", "4");
    assert.deepEqual([closed.code, closed.report.errors], [0, {}]);
    const wrong = await bench(url, ...acks, ...rate, "--event", "wrong");
    assert.deepEqual([wrong.code, wrong.report.errors], [1, { "bad answer": 5 }]);
    const other = await bench(await webSockets(echoed), ...acks, "--timeout-s", "1");
    assert.equal(other.code, 1);
    assert.equal(other.report.connections.opened, 0);
  });

  test("Socket.IO's fan-out, connections, and polling", async () => {
    const server = http.createServer();
    const io = new SocketIo(server);
    io.on("connection", (socket) => {
      socket.on("echo", (text, answer) => answer(text));
      socket.on("news", (text) => io.emit("news", text));
      socket.on("lost", () => {});
    });
    const { port } = await listen(server);
    const url = `http://127.0.0.1:${port}`;
    const of = (name, ...args) => bench(url, "--scenario", `socketio-${name}`, "--connections", "5", ...args);
    expectGood(await of("fanout", "--event", "news", ...rate), messages * 5);
    const lost = await of("fanout", "--event", "lost", ...rate, "--timeout-s", "1");
    assert.deepEqual([lost.code, lost.report.errors], [1, { undelivered: messages * 5 }]);
    for (const name of ["connect", "idle", "polling"]) {
      const { code, report, err } = await of(name);
      assert.deepEqual([code, report.errors, err], [0, {}, ""], name);
      assert.ok(report.count >= 5, name);
    }
    const { url: none } = await listen(http.createServer((_, response) => response.writeHead(404).end()));
    const other = await bench(none, "--scenario", "socketio-polling", "--connections", "2");
    assert.deepEqual([other.code, other.report.errors], [1, { "handshake status 404": 2 }]);
  });

  test("connect and idle", async () => {
    let open = 0;
    const url = await webSockets(() => { open += 1; });
    const storm = await bench(url, "--scenario", "connect", "--connections", "5");
    assert.deepEqual([storm.code, storm.report.errors, storm.report.unit], [0, {}, "connections"]);
    assert.ok(open >= storm.report.count);
    const idle = await bench(url, "--scenario", "idle", "--connections", "20", "--ramp-up", "0.05");
    assert.deepEqual([idle.code, idle.report.errors, idle.report.count], [0, {}, 20]);
  });
});

describe("starling bench, servers that are wrong", () => {
  // A TCP server that gets the head of each request and the socket.
  const raw = (each) => listen(net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (head) => each(socket, String(head)));
  }));
  // [what, the server, its errors on 3 connections]
  const cases = [
    ["refuses the connection", async () => `ws://127.0.0.1:${await freePort()}/`, { refused: 3 }],
    ["answers 404", async () => (await listen(http.createServer((_, response) => response.writeHead(404).end()))).url,
      { "handshake status 404": 3 }],
    ["refuses the upgrade", () => webSockets(echoed, { verifyClient: () => false }), { "handshake status 401": 3 }],
    ["is no HTTP server", async () => (await raw((socket) => socket.end("220 mail\r\n\r\n"))).url, { "bad answer": 3 }],
    ["resets the handshake", async () => (await raw((socket) => socket.resetAndDestroy())).url, { reset: 3 }],
    ["closes with a code", () => webSockets((socket) => {
      socket.on("message", () => socket.close(1013, "later"));
    }), { "closed code 1013": 3 }],
    ["ends without a close frame", () => webSockets((socket) => {
      socket.on("message", () => socket.terminate());
    }), { "closed without a code": 3 }],
    ["echoes other bytes", () => webSockets((socket) => {
      socket.on("message", (data) => socket.send(String(data).replace("x", "y")));
    }), { "bad answer": 3 }],
    ["echoes another length", () => webSockets((socket) => {
      socket.on("message", (data) => socket.send(`${data}!`));
    }), { "bad answer": 3 }],
    ["echoes text as binary", () => webSockets((socket) => {
      socket.on("message", (data) => socket.send(data, { binary: true }));
    }), { "bad answer": 3 }],
  ];
  for (const [what, server, errors] of cases) {
    test(`a server that ${what}`, async () => {
      const { code, report } = await bench(await server(), "--connections", "3", "--seconds", "60");
      assert.deepEqual([code, report.errors], [1, errors]);
    });
  }

  test("a server that never answers the handshake", async () => {
    const { url } = await raw(() => {});
    const { code, report } = await bench(url, "--connections", "3", "--timeout-s", "0.1");
    assert.deepEqual([code, report.errors], [1, { timeout: 3 }]);
  });

  test("a server that never answers a message", async () => {
    const url = await webSockets(() => {});
    const { code, report } = await bench(url, "--connections", "3", "--depth", "2", "--timeout-s", "3");
    assert.deepEqual([code, report.errors, report.count], [1, { unanswered: 6 }, 0]);
  });

  test("a name without an address", async () => {
    const { code, report, err } = await bench("ws://no-such-host.invalid/", "--connections", "3");
    assert.deepEqual([code, report.errors], [1, { unreachable: 1 }]);
    assert.match(err, /^starling bench: .*no-such-host\.invalid/);
  });
});

describe("starling bench, the command line", () => {
  const url = "ws://127.0.0.1:1/";
  // [arguments, the words of the error]
  const cases = [
    [["--connections", "0", url], "--connections: must be an integer from 1 to 1000000"],
    [["--connections", "x", url], "--connections: must be an integer from 1 to 1000000"],
    [["--size", "99999999", url], "--size: must be an integer from 0 to 16777216"],
    [["--depth", "0", url], "--depth: must be an integer from 1 to 10000"],
    [["--rate", "1", "--depth", "1", url], "--rate: not together with --depth"],
    [["--depth", "10000", "--size", "100000", url], "--depth: times --size: at most 64 MiB"],
    [["--seconds", "0", url], "--seconds: must be a number of seconds from 0.01 to 86400"],
    [["--threads", "60", url], "--threads: more than --connections"],
    [["--text", "--binary", url], "--binary: not together with --text"],
    [["--scenario", "idle", "--rate", "5", url], "--rate: not for this scenario"],
    [["--scenario", "fanout", "--size", "5", url], "--size: a publication has at least 19 bytes, for its time"],
    [["--publish-url", url, url], "--publish-url: only for the scenarios fanout, socketio-fanout and events"],
    [["--header", "nothing", url], "--header: must be NAME: VALUE"],
    [["--header", "Host: x", url], "--header: the handshake sets Host itself"],
    [["--header", "X: a\r\nb", url], "--header: must not contain control characters"],
    [["--protocol", "a b", url], "--protocol: must be a token"],
    [["--sources", "10.0.0.9-10.0.0.1", url], "--sources: must be addresses, as 10.0.0.1 or 10.0.0.1-10.0.0.64"],
    [["--sources", "::1", url], "--sources: of another family than the server's address"],
    [["--ca", "/no/such/file", url], "--ca: cannot read '/no/such/file': No such file or directory"],
    [["--server-pid", "x", url], "--server-pid: must be process ids, as 12 or 12,13"],
    [["--message", "x", "--size", "5", url], "--message: must contain {payload}"],
    [["--message", "x", "--scenario", "fanout", url], "--message: must contain {payload}"],
    [["--message", "x", "--scenario", "idle", url], "--message: not for this scenario"],
    [["--event", "x", url], "--event: only for the scenarios socketio-ack, socketio-fanout and socketio-polling"],
    [["--scenario", "socketio-polling", "--compress", url], "--compress: not for this scenario"],
    [["--scenario", "socketio-polling", "--rate", "5", url], "--rate: not for this scenario"],
    [["--scenario", "socketio-idle", "--binary", url], "--binary: not for this scenario"],
    [["--scenario", "socketio-fanout", "--size", "5", url], "--size: a publication has at least 19 bytes, for its time"],
    [["--proxy", "ftp://h", "ws://h.example/"], "proxy: only proxies with http:// are supported"],
  ];
  for (const [args, words] of cases) {
    test(args.slice(0, -1).join(" ").replace("\r\n", "\\r\\n"), async () => {
      const { code, stdout, stderr } = await run(["bench", ...args]);
      assert.deepEqual([code, stdout, stderr], [2, "", `starling bench: ${words}\n`]);
    });
  }

  test("URLs that are none", async () => {
    for (const one of ["ftp://h/", "ws://", "ws://h:99999/", "ws://h/#f"]) {
      const { code, stderr } = await run(["bench", one]);
      assert.equal(code, 2, one);
      assert.match(stderr, /^starling bench: URL: /);
    }
    const { code, stderr } = await run(["bench"]);
    assert.equal(code, 2);
    assert.match(stderr, /bench needs a URL/);
  });
});
