// HTTP/1.1 (RFC 9110, RFC 9112) on a raw connection: static files, keep-alive, pipelining, and the
// requests that must be refused.

import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";

import { serve, serveDemo, temporaryFolder } from "./server.mjs";
import { Wire } from "./wire.mjs";

const page = "<!DOCTYPE html><title>home</title>\n";
const long = "starlings fly together. ".repeat(4000);

function site() {
  const folder = temporaryFolder();
  const root = path.join(folder, "root");
  mkdirSync(path.join(root, "sub"), { recursive: true });
  writeFileSync(path.join(root, "index.html"), page);
  writeFileSync(path.join(root, "sub/index.html"), "sub");
  writeFileSync(path.join(root, "long.txt"), long);
  writeFileSync(path.join(root, "digits.txt"), "0123456789");
  writeFileSync(path.join(root, "空 格.txt"), "space");
  for (const [name, content] of [["a.css", "a{}"], ["a.js", "1"], ["a.svg", "<svg/>"],
    ["a.json", "{}"], ["a.png", "png"], ["a.wasm", "wasm"]]) {
    writeFileSync(path.join(root, name), content);
  }
  writeFileSync(path.join(folder, "secret.txt"), "secret");
  symlinkSync("../secret.txt", path.join(root, "link.txt"));
  symlinkSync("..", path.join(root, "up"));
  return root;
}

const get = (target, ...headers) =>
  [`GET ${target} HTTP/1.1`, "Host: localhost", ...headers, "", ""].join("\r\n");

describe("static files", () => {
  let server;
  before(async () => { server = await serve({ root: site() }); });
  after(() => server.stop());

  async function ask(request, options) {
    const wire = await Wire.connect(server.port);
    wire.write(request);
    const response = await wire.response(options);
    wire.destroy();
    return response;
  }

  test("a folder's index, with its type, length, ETag and Last-Modified", async () => {
    const { status, headers, body } = await ask(get("/"));
    assert.equal(status, 200);
    assert.match(headers["content-type"], /^text\/html/);
    assert.equal(Number(headers["content-length"]), page.length);
    assert.match(headers.etag, /^(W\/)?".+"$/);
    assert.match(headers["last-modified"], / GMT$/);
    assert.equal(body.toString(), page);
  });

  for (const [target, type] of [["/a.css", /^text\/css/], ["/a.js", /javascript/],
    ["/a.svg", /^image\/svg\+xml/], ["/a.json", /^application\/json/], ["/a.png", /^image\/png/],
    ["/a.wasm", /^application\/wasm/], ["/long.txt", /^text\/plain/]]) {
    test(`${target} has the type ${type.source}`, async () => {
      assert.match((await ask(get(target))).headers["content-type"], type);
    });
  }

  test("percent-encoded UTF-8 names and a query", async () => {
    const target = `/${encodeURIComponent("空 格.txt")}?v=1`;
    assert.equal((await ask(get(target))).body.toString(), "space");
  });

  test("HEAD has GET's headers and no body", async () => {
    const wire = await Wire.connect(server.port);
    wire.write("HEAD /digits.txt HTTP/1.1\r\nHost: localhost\r\n\r\n", get("/digits.txt"));
    const head = await wire.response({ head: true });
    const { headers, body } = await wire.response();
    assert.equal(head.status, 200);
    assert.equal(head.headers["content-length"], "10");
    assert.equal(head.headers.etag, headers.etag);
    assert.equal(body.toString(), "0123456789");
    wire.destroy();
  });

  for (const [range, status, text, contentRange] of [
    ["bytes=0-4", 206, "01234", "bytes 0-4/10"], ["bytes=5-", 206, "56789", "bytes 5-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"], ["bytes=8-99", 206, "89", "bytes 8-9/10"],
    ["bytes=10-", 416, null, "bytes */10"], ["bytes=4-2", 200, "0123456789", undefined],
    ["lines=1-2", 200, "0123456789", undefined],
  ]) {
    test(`Range: ${range} gets ${status}`, async () => {
      const { status: actual, headers, body } = await ask(get("/digits.txt", `Range: ${range}`));
      assert.equal(actual, status);
      assert.equal(headers["content-range"], contentRange);
      if (text !== null) assert.equal(body.toString(), text);
    });
  }

  test("If-None-Match and If-Modified-Since get 304 while nothing changed", async () => {
    const { headers } = await ask(get("/long.txt"));
    for (const condition of [`If-None-Match: ${headers.etag}`, "If-None-Match: *",
      `If-None-Match: "other", ${headers.etag}`,
      `If-Modified-Since: ${headers["last-modified"]}`]) {
      const { status, body } = await ask(get("/long.txt", condition));
      assert.equal(status, 304, condition);
      assert.equal(body.length, 0);
    }
    assert.equal((await ask(get("/long.txt", 'If-None-Match: "other"'))).status, 200);
  });

  test("gzip where it is accepted and pays", async () => {
    const { headers, body } = await ask(get("/long.txt", "Accept-Encoding: gzip, deflate"));
    assert.equal(headers["content-encoding"], "gzip");
    assert.match(headers.vary, /accept-encoding/i);
    assert.ok(body.length < long.length / 4);
    assert.equal(gunzipSync(body).toString(), long);
    const plain = await ask(get("/long.txt"));
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.equal(plain.body.toString(), long);
    for (const coding of ["gzip;q=0", "br"]) {
      const refused = await ask(get("/long.txt", `Accept-Encoding: ${coding}`));
      assert.equal(refused.headers["content-encoding"], undefined, coding);
    }
    const small = await ask(get("/digits.txt", "Accept-Encoding: gzip"));
    assert.equal(small.headers["content-encoding"], undefined);
  });

  for (const target of ["/../secret.txt", "/%2e%2e/secret.txt", "/sub/../../secret.txt",
    "/sub/%2e%2e/%2e%2e/secret.txt", "/..%2fsecret.txt", "/%2e%2e%2fsecret.txt",
    "/..%5csecret.txt", "/link.txt", "/up/secret.txt", "/digits.txt%00", "/%00", "//etc/passwd",
    "/%2fetc/passwd", "/missing", "/digits.txt/"]) {
    test(`${target} gets 404`, async () => {
      const { status, body } = await ask(get(target));
      assert.equal(status, 404);
      assert.doesNotMatch(body.toString(), /secret|root:/);
    });
  }

  test("a folder without its slash leads to the folder", async () => {
    const { status, headers, body } = await ask(get("/sub"));
    if (status === 200) assert.equal(body.toString(), "sub");
    else {
      assert.ok([301, 302, 307, 308].includes(status), `status ${status}`);
      assert.match(headers.location, /^\/sub\/$/);
    }
  });

  test("another method gets 405 that names the allowed ones", async () => {
    for (const method of ["POST", "PUT", "DELETE"]) {
      const { status, headers } = await ask(
        `${method} /digits.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`);
      assert.equal(status, 405, method);
      assert.match(headers.allow, /GET/);
      assert.match(headers.allow, /HEAD/);
    }
  });
});

describe("HTTP connections", () => {
  let server;
  before(async () => { server = await serve({ root: site() }); });
  after(() => server.stop());

  test("keep-alive: many requests on one connection", async () => {
    const wire = await Wire.connect(server.port);
    for (let i = 0; i < 20; i += 1) {
      wire.write(get(i % 2 ? "/digits.txt" : "/"));
      const { status, body } = await wire.response();
      assert.equal(status, 200);
      assert.equal(body.toString(), i % 2 ? "0123456789" : page);
    }
    wire.destroy();
  });

  test("pipelined requests are answered in order, whole or byte by byte", async () => {
    const targets = ["/digits.txt", "/missing", "/long.txt", "/", "/a.css"];
    const expected = [200, 404, 200, 200, 200];
    const bytes = Buffer.from(targets.map((target) => get(target)).join(""));
    for (const step of [bytes.length, 1, 7]) {
      const wire = await Wire.connect(server.port);
      for (let i = 0; i < bytes.length; i += step) wire.write(bytes.subarray(i, i + step));
      const responses = [];
      for (const status of expected) {
        responses.push(await wire.response());
        assert.equal(responses.at(-1).status, status);
      }
      assert.equal(responses[0].body.toString(), "0123456789");
      assert.equal(responses[2].body.toString(), long);
      assert.equal(responses[4].body.toString(), "a{}");
      wire.destroy();
    }
  });

  test("Connection: close and HTTP/1.0 end the connection after the answer", async () => {
    for (const request of [get("/digits.txt", "Connection: close"),
      "GET /digits.txt HTTP/1.0\r\nHost: localhost\r\n\r\n"]) {
      const wire = await Wire.connect(server.port);
      wire.write(request);
      assert.equal((await wire.response()).body.toString(), "0123456789");
      assert.equal((await wire.rest()).length, 0);
      wire.destroy();
    }
  });

  test("HTTP/1.0 with keep-alive goes on", async () => {
    const wire = await Wire.connect(server.port);
    for (let i = 0; i < 2; i += 1) {
      wire.write("GET /digits.txt HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
      assert.equal((await wire.response()).status, 200);
    }
    wire.destroy();
  });

  test("/healthz and /readyz", async () => {
    const wire = await Wire.connect(server.port);
    for (const [target, members] of [
      ["/healthz", ["status", "version", "connections", "websockets", "socketio_sessions",
        "history_messages", "presence_members"]],
      ["/readyz", ["status"]],
    ]) {
      wire.write(get(target));
      const { status, body } = await wire.response();
      assert.equal(status, 200, target);
      assert.deepEqual(Object.keys(JSON.parse(body)), members, target);
    }
    wire.destroy();
  });

  const next = get("/digits.txt");
  const chunked = "Transfer-Encoding: chunked";
  const post = (...headers) =>
    ["POST / HTTP/1.1", "Host: localhost", ...headers, "", ""].join("\r\n");
  const refused = [
    ["Content-Length with Transfer-Encoding",
      `${post("Content-Length: 3", chunked)}0\r\n\r\n`, 400],
    ["two lengths", `${post("Content-Length: 3", "Content-Length: 4")}abcd`, 400],
    ["a length list", `${post("Content-Length: 3, 4")}abcd`, 400],
    ["a signed length", `${post("Content-Length: +5")}abcde`, 400],
    ["a negative length", post("Content-Length: -1"), 400],
    ["an unknown coding", `${post("Transfer-Encoding: rot13")}x`, 400],
    ["1.0 with Transfer-Encoding",
      `POST / HTTP/1.0\r\nHost: localhost\r\n${chunked}\r\n\r\n0\r\n\r\n`, 400],
    ["a folded header", get("/", "X-A: one\r\n two"), 400],
    ["bare line feeds", "GET / HTTP/1.1\nHost: localhost\n\n", 400],
    ["space before the colon", get("/", "X-A : one"), 400],
    ["NUL in a header", get("/", "X-A: o\0ne"), 400],
    ["a chunk size over 64 bits", `${post(chunked)}11111111111111111\r\n`, 400],
    ["no Host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["two Hosts", get("/", "Host: other"), 400],
    ["no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", 400],
    ["101 header fields",
      get("/", ...Array.from({ length: 101 }, (_, i) => `X-${i}: ${i}`)), 431],
    ["17 KB of headers", get("/", `X-A: ${"a".repeat(17 * 1024)}`), 431],
    ["an overlong target", get(`/${"a".repeat(20_000)}`), 414],
    ["a body over the limit", post("Content-Length: 5000000"), 413],
  ];
  for (const [name, request, status] of refused) {
    test(`${name} gets ${status}, and nothing behind it is parsed`, async () => {
      const wire = await Wire.connect(server.port);
      wire.write(request + next);
      const response = await wire.response();
      assert.equal(response.status, status);
      assert.equal((await wire.rest()).length, 0);
      wire.destroy();
    });
  }
});

describe("the demo's HTTP", () => {
  let server;
  before(async () => { server = await serveDemo(); });
  after(() => server.stop());

  for (const target of ["/", "/echo", "/chat", "/socketio/", "/community/"]) {
    test(`GET ${target} is a page with a content security policy`, async () => {
      const wire = await Wire.connect(server.port);
      wire.write(get(target, "Connection: close"));
      const { status, headers, body } = await wire.response();
      assert.equal(status, 200);
      assert.match(headers["content-type"], /^text\/html; ?charset=utf-8$/i);
      assert.match(headers["content-security-policy"], /default-src 'self'/);
      assert.match(body.toString(), /^<!DOCTYPE html>/);
      wire.destroy();
    });
  }

  for (const target of ["/style.css", "/frame.js", "/i18n.js", "/words.js", "/words/zh.js", "/flock.js", "/home.js", "/front/qr.js",
    "/favicon.svg", "/echo/echo.js", "/echo/canvas.js", "/echo/log.js", "/chat/chat.js",
    "/chat/lines.js", "/chat/reconnect.js", "/community/community.js", "/community/community.css",
    "/community/api.js", "/community/channel.js", "/community/view.js", "/socketio/socketio.js",
    "/socketio/socketio.css", "/socketio/connection.js", "/socketio/typing.js",
    "/socketio/view.js"]) {
    test(`GET ${target} is there`, async () => {
      const wire = await Wire.connect(server.port);
      wire.write(get(target, "Connection: close"));
      assert.equal((await wire.response()).status, 200);
      wire.destroy();
    });
  }
});
