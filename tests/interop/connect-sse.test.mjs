// `starling connect --sse` against a server of the test and against our own.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import path from "node:path";
import { after, describe, test } from "node:test";

import { certificate } from "./certificates.mjs";
import { Connect, Terminal, connect, memoryMax, standstill } from "./connect.mjs";
import { run, serve, temporaryFolder, until } from "./server.mjs";

const closing = new Set();
after(() => {
  for (const one of closing) {
    one.close();
    one.closeAllConnections();
  }
});

// `answer` gets each request with its number, from 0.
async function listen(answer, server = http.createServer()) {
  const requests = [];
  server.on("request", (request, response) => {
    requests.push(request);
    answer(request, response, requests.length - 1);
  });
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  closing.add(server);
  return { url: `http://127.0.0.1:${server.address().port}/`, port: server.address().port, requests };
}

const stream = (response, text, end = false) => {
  response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
  response.flushHeaders();
  response.write(text);
  if (end) response.end();
};

describe("starling connect --sse", () => {
  test("prints events, and their data alone on a pipe", async () => {
    const { url, requests } = await listen((request, response) =>
      stream(response, ": hello\n\nid: 1\nevent: add\ndata: a\ndata: b\n\ndata: c\n\n"));
    const got = await connect([url, "--sse", "--exit-after", "2", "--header", "X-Key: 1", "--origin", "https://a"]);
    assert.deepEqual([got.code, got.out, got.err], [0, "a\nb\nc\n", ""]);
    assert.deepEqual(["accept", "x-key", "origin", "last-event-id"].map((name) => requests[0].headers[name]),
      ["text/event-stream", "1", "https://a", undefined]);
    const json = new Connect([url, "--sse", "--exit-after", "2", "--json"]);
    assert.equal(await json.exited, 0);
    assert.deepEqual(json.events.map(({ time, ...event }) => event), [
      { event: "open", url },
      { event: "event", type: "add", id: "1", data: "a\nb" },
      { event: "event", type: "message", id: "1", data: "c" },
    ]);
  });

  test("opens before the first event", async () => {
    const { url } = await listen((request, response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.flushHeaders();
    });
    const program = new Connect([url, "--sse", "--json"]);
    await program.until('"open"');
    program.signal("SIGINT");
    assert.equal(await program.exited, 130);
  });

  test("reconnects after the time that the server names, with the last id", async () => {
    const { url, requests } = await listen((request, response, number) => {
      if (number === 0) stream(response, "retry: 120\nid: x7\ndata: a\n\ndata: cut o", true);
      else if (number === 1) response.destroy();
      else stream(response, "data: b\n\n");
    });
    const program = new Connect([url, "--sse", "--json", "--exit-after", "2"]);
    assert.equal(await program.exited, 0);
    assert.deepEqual(requests.map((request) => request.headers["last-event-id"]), [undefined, "x7", "x7"]);
    const events = program.events.map(({ event, data, wait_ms, last_event_id }) => [event, data ?? wait_ms, last_event_id]);
    assert.deepEqual(events, [["open", undefined, undefined], ["event", "a", undefined], ["retry", 120, "x7"],
      ["retry", 120, "x7"], ["open", undefined, undefined], ["event", "b", undefined]]);
  });

  test("--last-event-id, --no-reconnect", async () => {
    const { url, requests } = await listen((request, response) => stream(response, "data: a\n\n", true));
    const got = await connect([url, "--sse", "--no-reconnect", "--last-event-id", "41"]);
    assert.deepEqual([got.code, got.out, got.err], [0, "a\n", ""]);
    assert.equal(requests[0].headers["last-event-id"], "41");
    assert.equal(requests.length, 1);
  });

  // [what, status, type, exit code, standard error]
  for (const [what, status, type, code, err] of [
    ["no content", 204, "", 0, ""],
    ["not found", 404, "text/plain", 3, "starling connect: the server answered 404: no \\x1b[31mway\n"],
    ["another type", 200, "text/html", 3,
      "starling connect: the answer is no stream of server events, but of type 'text/html': no \\x1b[31mway\n"],
  ]) {
    test(what, async () => {
      const { url } = await listen((request, response) => {
        response.writeHead(status, type ? { "Content-Type": type } : {});
        response.end(status === 204 ? "" : "no \x1b[31mway\n");
      });
      const got = await connect([url, "--sse"]);
      assert.deepEqual([got.code, got.out, got.err], [code, "", err]);
    });
  }

  test("no server, and a URL of another kind", async () => {
    const refused = await connect(["http://127.0.0.1:1/", "--sse"]);
    assert.equal(refused.code, 3);
    assert.match(refused.err, /^starling connect: .*connect.*\n$/);
    assert.equal((await connect(["ws://127.0.0.1:1/", "--sse"])).code, 2);
  });

  test("over TLS, with redirects", async () => {
    const folder = temporaryFolder();
    const own = certificate(folder, "localhost");
    const { port } = await listen((request, response) => {
      if (request.url === "/old") response.writeHead(302, { Location: "/new" }).end();
      else stream(response, "data: a\n\n");
    }, https.createServer({ cert: readFileSync(own.cert), key: readFileSync(own.key) }));
    const args = [`https://localhost:${port}/old`, "--sse", "--exit-after", "1"];
    assert.match((await connect([...args, "--follow-redirects"])).err, /certificate/);
    assert.equal((await connect([...args, "--ca", own.cert])).code, 3);
    const got = await connect([...args, "--ca", own.cert, "--follow-redirects"]);
    assert.deepEqual([got.code, got.out], [0, "a\n"], got.err);
  });

  test("an event that is too large", async () => {
    const { url } = await listen((request, response) => stream(response, `data: ${"x".repeat(5000)}\n\n`));
    const got = await connect([url, "--sse", "--max-message", "4k"]);
    assert.deepEqual([got.code, got.err], [1, "starling connect: an event is larger than --max-message\n"]);
  });

  test("a Unix-domain socket, without the proxy", async () => {
    const at = path.join(temporaryFolder(), "socket");
    const requests = [];
    const server = http.createServer((request, response) => {
      requests.push(`${request.headers.host} ${request.url}`);
      stream(response, "data: a\n\n");
    });
    await new Promise((resolve) => { server.listen(at, resolve); });
    closing.add(server);
    const env = { http_proxy: "http://127.0.0.1:1" };
    for (const url of [`http+unix:${at}:/events?a=1`, `ws+unix:${at}:/events`, `http+unix:${at}`]) {
      const got = await connect([url, "--sse", "--exit-after", "1"], { env });
      assert.deepEqual([got.code, got.out], [0, "a\n"], got.err);
    }
    assert.deepEqual(requests, ["localhost /events?a=1", "localhost /events", "localhost /"]);
    const none = await connect([`http+unix:${at}2:/`, "--sse"]);
    assert.equal(none.code, 3, none.err);
    const relative = await connect(["http+unix:socket:/", "--sse"]);
    assert.deepEqual([relative.code, relative.err],
      [2, "starling connect: the URL must hold the absolute path of a socket: http+unix:/SOCKET:/PATH\n"]);
  });

  test("a slow reader makes the server wait", { timeout: 120_000 }, async () => {
    const event = `data: ${"y".repeat(65_535)}\n\n`;
    const total = 1600;
    let held = null;
    const { url } = await listen((request, response) => {
      stream(response, "");
      for (let i = 0; i < total; ++i) response.write(event);
      held = response;
    });
    const program = new Connect([url, "--sse", "--exit-after", String(total)], { paused: true });
    await until(() => held, "the request");
    const before = await standstill(() => held.writableLength, "the server to be stopped");
    assert.ok(before > 50_000_000, `${before} bytes wait at the server`);
    assert.ok(memoryMax(program.pid) < 60, `${memoryMax(program.pid)} MB`);
    let size = 0;
    program.child.stdout.on("data", (bytes) => { size += bytes.length; });
    assert.equal(await program.exited, 0, program.err);
    assert.equal(size, total * 65_536);
  });

  test("our own server's events, on a pipe and on a terminal", async () => {
    const server = await serve({ events: { enabled: true, api_key: "0123456789abcdef" } });
    const url = server.url("/sse/ServerEvent?Ref=ArticleMessage5", "http");
    const pipe = new Connect([url, "--sse", "--json", "--exit-after", "1"]);
    const terminal = new Terminal([url, "--sse", "--exit-after", "1"]);
    await pipe.until('"open"');
    await terminal.until("* listening to");
    await run(["publish", "--url", server.url("", "http"), "--key", "0123456789abcdef", "ArticleMessage5", "GotNew"]);
    assert.equal(await pipe.exited, 0);
    assert.equal(await terminal.exited, 0);
    assert.equal(pipe.events[1].data, "WS Server Event:GotNew");
    assert.match(terminal.shown, /TIME < WS Server Event:GotNew/);
    await server.stop();
  });
});
