// HTTP/2 over TLS, with Node.js as the application: src/fetch through the program fetch_test_client.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http2 from "node:http2";
import path from "node:path";
import { test } from "node:test";

import { certificate } from "./certificates.mjs";
import { onExit, repository, temporaryFolder } from "./server.mjs";

const build = path.resolve(repository, process.env.STARLING_BUILD ?? "build/release");
const { cert, key } = certificate(temporaryFolder(), "localhost");

// An application that speaks HTTP/2 and HTTP/1.1: `answer(request, response, body)`.
async function application(t, answer, options = {}) {
  const seen = { sessions: 0, requests: [] };
  const server = http2.createSecureServer({
    allowHTTP1: true, cert: readFileSync(cert), key: readFileSync(key), ...options });
  server.on("session", () => { seen.sessions += 1; });
  server.on("request", async (request, response) => {
    let bytes = 0;
    try {
      for await (const piece of request) bytes += piece.length;
    } catch {
      return; // The client has gone.
    }
    seen.requests.push({ version: request.httpVersion, headers: request.headers, bytes });
    answer(request, response, bytes);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { url: `https://localhost:${server.address().port}/hook`, seen, server };
}

async function post(url, count, at_once, body_bytes = 2) {
  const child = spawn(path.join(build, "fetch_test_client"),
    [url, cert, String(count), String(at_once), String(body_bytes)],
    { stdio: ["ignore", "pipe", "inherit"] });
  onExit(child);
  let text = "";
  child.stdout.on("data", (piece) => { text += piece; });
  const [status] = await once(child, "close");
  assert.equal(status, 0);
  return text.trimEnd().split("\n").map((line) => {
    const [tag, code, sent, whole, ...rest] = line.split(" ");
    return { tag: Number(tag), status: Number(code), sent: sent === "sent", cut: whole === "cut",
      text: rest.join(" ") };
  }).sort((a, b) => a.tag - b.tag);
}

test("HTTP/2: one connection for all that is under way", async (t) => {
  const { url, seen } = await application(t, (request, response, bytes) => response.end(`${bytes}`));
  const answers = await post(url, 500, 50);
  assert.deepEqual(answers.map((a) => a.tag), [...Array(500).keys()]);
  for (const answer of answers) {
    assert.deepEqual({ ...answer, tag: 0 }, { tag: 0, status: 200, sent: true, cut: false, text: "2" });
  }
  assert.equal(seen.requests.length, 500);
  for (const { version, headers } of seen.requests) {
    assert.equal(version, "2.0");
    assert.equal(headers[":method"], "POST");
    assert.equal(headers[":path"], "/hook");
    assert.equal(headers["content-type"], "application/json");
    assert.equal(headers.cookie, "");
    assert.equal(headers["x-test"], "a b");
  }
  assert.ok(seen.sessions <= 50, `${seen.sessions} connections`);
});

test("HTTP/2: one after another on one connection, large bodies too", async (t) => {
  const { url, seen } = await application(t, (request, response, bytes) => response.end(`${bytes}`));
  for (const answer of await post(url, 20, 1, 1_000_000)) assert.equal(answer.text, "1000000");
  assert.equal(seen.sessions, 1);
  assert.equal(seen.requests.length, 20);
});

test("HTTP/2: a stream that is reset in place of an answer may have been seen", async (t) => {
  const { url, seen } = await application(t, (request, response) =>
    response.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
  for (const answer of await post(url, 3, 1)) {
    assert.equal(answer.status, 0);
    assert.equal(answer.sent, true);
  }
  assert.equal(seen.requests.length, 3);
});

test("HTTP/2: a connection that ends in place of an answer: nothing is repeated", async (t) => {
  const { url, seen } = await application(t, (request, response) => response.stream.session.destroy());
  const answers = await post(url, 5, 1);
  for (const answer of answers) {
    assert.equal(answer.status, 0);
    assert.equal(answer.sent, true);
  }
  assert.equal(seen.requests.length, 5);
});

test("HTTP/2: a body without end is cut", async (t) => {
  const { url } = await application(t, (request, response) => {
    const timer = setInterval(() => response.write("x".repeat(16_384)), 1);
    response.on("close", () => clearInterval(timer));
  });
  const [answer] = await post(url, 1, 1);
  assert.deepEqual([answer.status, answer.sent, answer.cut], [200, true, true]);
});

test("HTTP/2: an application that leaves (GOAWAY) gets what follows on a new connection", async (t) => {
  const { url, seen } = await application(t, (request, response) => {
    response.end("bye");
    response.stream.session.close();
  });
  const answers = await post(url, 10, 1);
  assert.deepEqual(answers.map((a) => [a.status, a.text]), Array(10).fill([200, "bye"]));
  assert.equal(seen.requests.length, 10);
});
