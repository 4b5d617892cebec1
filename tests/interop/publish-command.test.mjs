// `starling publish` against running servers: the program over TCP, TLS and a Unix-domain socket, and
// servers that refuse, answer nonsense, redirect or say nothing.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { certificate } from "./certificates.mjs";
import { open } from "./client.mjs";
import { freePort, run, serve, temporaryFolder } from "./server.mjs";

const key = "0123456789abcdef";
const events = { enabled: true, api_key: key };

// `args` are those after the command. {code, out, err}: out and err without the line feed at the end.
async function publish(args, options = {}) {
  const { code, stdout, stderr } = await run(["publish", ...args],
    { ...options, env: { STARLING_KEY: key, ...options.env } });
  return { code, out: stdout.replace(/\n$/, ""), err: stderr.replace(/\n$/, "") };
}

const listening = new Set();
after(() => { for (const one of listening) one.close(); });

// A server of the test: {url, port, seen, close()}. `seen`: the requests as [method, url, headers].
async function listen(answer, server = http.createServer()) {
  const seen = [];
  server.on("request", (request, response) => {
    seen.push([request.method, request.url, request.headers]);
    answer?.(request, response);
  });
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  const { port } = server.address();
  const one = { server, port, url: `http://127.0.0.1:${port}`, seen,
    close: () => { server.closeAllConnections?.(); server.close(); } };
  listening.add(one);
  return one;
}

describe("starling publish", () => {
  const folder = temporaryFolder();
  const socket = path.join(folder, "s.sock");
  let server;
  let url;
  let listener;
  before(async () => {
    const port = await freePort();
    server = await serve({ listen: [{ address: `127.0.0.1:${port}` }, { address: `unix:${socket}` }], events },
      { port });
    url = `http://127.0.0.1:${server.port}`;
    listener = await open(server.url("/ws/ServerEvent?Ref=ArticleMessage7"));
  });
  after(() => server?.stop());

  test("publishes a text", async () => {
    assert.deepEqual(await publish(["--url", url, "ArticleMessage7", "GotNew"]),
      { code: 0, out: "delivered: 1, limited: 0", err: "" });
    assert.equal(await listener.next(), "WS Server Event:GotNew");
  });

  test("publishes a name with data, from the command line and from standard input", async () => {
    for (const [data, input] of [['{"n": 1}', undefined], ["-", '{"n": 1}'], ["-", Buffer.from('"\u00e4"')], ["-5"],
      ["-", `"${"x".repeat(60_000)}"`]]) {
      const client = await open(server.url("/ws/ServerEvent?Ref=ArticleMessage8"));
      assert.deepEqual(await publish(["--url", url, "--json", "ArticleMessage8", "sale", data], { input }),
        { code: 0, out: '{"delivered":1,"limited":0}', err: "" });
      const text = (await client.next()).replace("WS Server Event:", "");
      assert.equal(text, `{"event":"sale","data":${input ?? data}}`);
      await client.close();
    }
  });

  test("--key wins over STARLING_KEY, over a Unix-domain socket", async () => {
    assert.deepEqual(await publish(["--url", `unix:${socket}`, "--key", key, "ArticleMessage9", "x"],
      { env: { STARLING_KEY: "wrong" } }), { code: 0, out: "delivered: 0, limited: 0", err: "" });
  });

  // [name, arguments, exit code, standard error behind "starling publish: "]
  const refusals = [
    ["a wrong key", () => ["--url", url, "--key", "wrong", "ArticleMessage7", "x"], 1,
      "401: a valid API key is needed"],
    ["a channel that is not declared", () => ["--url", url, "Weather", "x"], 1, /^404: .*channel/],
    ["a server that publishes nothing there", () => ["--url", `${url}/elsewhere`, "ArticleMessage7", "x"], 1, /^404: /],
    ["no server", async () => ["--url", `http://127.0.0.1:${await freePort()}`, "ArticleMessage7", "x"], 3,
      /^cannot reach http:\/\/127.0.0.1:\d+: connection refused$/],
    ["no socket", () => ["--url", `unix:${folder}/none.sock`, "ArticleMessage7", "x"], 3,
      /^cannot reach unix:.*none.sock: no such Unix-domain socket$/],
    ["a name that does not exist", () => ["--url", "http://starling.invalid", "ArticleMessage7", "x"], 3,
      "cannot reach http://starling.invalid: the name of the host is not found"],
    ["an event that is too large", () => ["--url", url, "ArticleMessage7", "x", `"${"x".repeat(70_000)}"`], 1,
      /^413: /],
  ];
  for (const [name, args, code, wanted] of refusals) {
    test(`${name}: exit ${code} and one line`, async () => {
      const plain = await publish(await args());
      assert.equal(plain.code, code, plain.err);
      assert.equal(plain.out, "");
      assert.match(plain.err, /^starling publish: [^\n]*$/);
      const words = plain.err.replace("starling publish: ", "");
      if (typeof wanted === "string") assert.equal(words, wanted);
      else assert.match(words, wanted);
      const { out } = await publish(["--json", ...await args()]);
      const { status, message } = JSON.parse(out);
      if (code === 3) assert.equal(status, 0);
      else assert.equal(`${status}: ${message}`, words);
    });
  }

  for (const megabytes of [2, 20]) {
    test(`${megabytes} MB on standard input: the server's 413`, async () => {
      const input = `"${"x".repeat(megabytes * 1_000_000)}"`;
      const { code, err } = await publish(["--url", url, "ArticleMessage7", "x", "-"], { input });
      assert.equal(code, 1, err);
      assert.match(err, /^starling publish: 413: /);
    });
  }

  test("bytes on standard input that are no JSON: exit 2", async () => {
    const { code, err } = await publish(["--url", url, "ArticleMessage7", "x", "-"],
      { input: Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 0xff]) });
    assert.equal(code, 2);
    assert.equal(err, "starling publish: DATA: standard input must hold JSON; a text stands in quotes, as '\"hi\"'");
  });

  test("without a key: exit 2, and no request", async () => {
    const other = await listen();
    const { code, err } = await publish(["--url", other.url, "ArticleMessage7", "x"], { env: { STARLING_KEY: "" } });
    assert.equal(code, 2);
    assert.equal(err, "starling publish: needs the server's key: --key KEY, or the variable STARLING_KEY");
    assert.deepEqual(other.seen, []);
    other.close();
  });

  test("STARLING_KEY does not trouble the other commands", async () => {
    const { code, stderr } = await run(["serve", "--listen", "nonsense"], { env: { STARLING_KEY: key } });
    assert.equal(code, 2);
    assert.doesNotMatch(stderr, /STARLING_KEY/);
  });
});

describe("starling publish to another server", () => {
  test("a redirect is not followed", async () => {
    const elsewhere = await listen();
    const other = await listen((request, response) => {
      response.writeHead(307, { Location: `${elsewhere.url}/api/publish` }).end();
    });
    const { code, err } = await publish(["--url", `${other.url}/rt/`, "a", "b"]);
    assert.equal(code, 1);
    assert.equal(err, `starling publish: 307: the server redirects to ${elsewhere.url}/api/publish; ` +
      "name the right address with --url");
    assert.deepEqual(other.seen.map(([method, target]) => [method, target]), [["POST", "/rt/api/publish"]]);
    assert.deepEqual(elsewhere.seen, []);
    other.close();
    elsewhere.close();
  });

  test("words that would move the cursor are printed as blanks", async () => {
    const other = await listen((request, response) => {
      response.writeHead(400).end('{"code":400,"message":"\\u001b[2Jgone\\r\\nstarling: all is well"}');
    });
    const { code, err } = await publish(["--url", other.url, "a", "b"]);
    assert.equal(code, 1);
    assert.equal(err, "starling publish: 400:  [2Jgone  starling: all is well");
    other.close();
  });

  test("a body without an end is cut", async () => {
    const other = await listen((request, response) => {
      response.writeHead(500);
      const more = () => { while (response.write("x".repeat(65_536))); };
      response.on("drain", more);
      response.on("error", () => {});
      more();
    });
    const { code, err } = await publish(["--url", other.url, "a", "b"]);
    assert.equal(code, 1);
    assert.equal(err, `starling publish: 500: ${"x".repeat(400)}`);
    other.close();
  });

  test("a server that says nothing: exit 3 at the end of --timeout-s", async () => {
    const other = await listen(null, http.createServer());
    const { code, err } = await publish(["--url", other.url, "--timeout-s", "1", "a", "b"]);
    assert.equal(code, 3);
    assert.equal(err, `starling publish: cannot reach ${other.url}: no answer within 1 s`);
    other.close();
  });

  // [name, what the peer writes, standard error behind the address]
  for (const [name, bytes, wanted] of [
    ["that closes at once", "", "the connection was closed before an answer came"],
    ["that speaks no HTTP", "220 mail.example.com ESMTP\r\n", "the answer is not HTTP"],
  ]) {
    test(`a server ${name}: exit 3`, async () => {
      const peer = net.createServer((connection) => {
        connection.on("error", () => {});
        connection.once("data", () => connection.end(bytes));
      });
      await new Promise((resolve) => { peer.listen(0, "127.0.0.1", resolve); });
      const url = `http://127.0.0.1:${peer.address().port}`;
      const { code, err } = await publish(["--url", url, "a", "b"]);
      assert.equal(code, 3);
      assert.equal(err, `starling publish: cannot reach ${url}: ${wanted}`);
      peer.close();
    });
  }
});

describe("starling publish over TLS", () => {
  const folder = temporaryFolder();
  const localhost = certificate(folder, "localhost");
  const other = certificate(folder, "other.example");
  let server;
  let url;
  before(async () => {
    const port = await freePort();
    server = await serve({ listen: [{ address: `127.0.0.1:${port}`, tls: true }], events,
      tls: { certificates: [{ cert: localhost.cert, key: localhost.key }] } }, { tls: true, port });
    url = `https://localhost:${port}`;
  });
  after(() => server?.stop());

  test("with the right authority", async () => {
    assert.deepEqual(await publish(["--url", url, "--ca", localhost.cert, "ArticleMessage1", "x"]),
      { code: 0, out: "delivered: 0, limited: 0", err: "" });
  });

  // [name, arguments, standard error behind the address]
  const failures = [
    ["a certificate that nobody vouches for", () => [], /: the certificate: .*self-signed certificate$/],
    ["another authority", () => ["--ca", other.cert], /: the certificate: .*self-signed certificate$/],
    ["a file without certificates", () => {
      writeFileSync(path.join(folder, "empty.pem"), "nothing\n");
      return ["--ca", path.join(folder, "empty.pem")];
    }, /: --ca: holds no certificate that can be read$/],
  ];
  for (const [name, args, wanted] of failures) {
    test(`${name}: exit 3`, async () => {
      const { code, err } = await publish(["--url", url, ...args(), "ArticleMessage1", "x"]);
      assert.equal(code, 3);
      assert.match(err, wanted);
    });
  }

  test("another name than the certificate's: exit 3, and taken with --insecure", async () => {
    const address = url.replace("localhost", "127.0.0.1");
    const args = ["--url", address, "--ca", localhost.cert];
    const { code, err } = await publish([...args, "ArticleMessage1", "x"]);
    assert.equal(code, 3);
    assert.match(err, /: the certificate: .*127\.0\.0\.1/);
    assert.equal((await publish([...args, "--insecure", "ArticleMessage1", "x"])).code, 0);
  });

  test("http to a port of TLS: no delivery", async () => {
    const { code } = await publish(["--url", url.replace("https", "http"), "ArticleMessage1", "x"]);
    assert.notEqual(code, 0);
  });
});

describe("starling publish through a proxy", () => {
  test("http_proxy gets the whole URL; this machine needs no proxy", async () => {
    const proxy = await listen((request, response) => response.end('{"delivered":3,"limited":0}'));
    const env = { http_proxy: proxy.url };
    assert.equal((await publish(["--url", "http://starling.invalid", "a", "b"], { env })).out,
      "delivered: 3, limited: 0");
    assert.deepEqual(proxy.seen.map(([method, target]) => [method, target]),
      [["POST", "http://starling.invalid/api/publish"]]);
    const { code } = await publish(["--url", `http://127.0.0.1:${await freePort()}`, "a", "b"], { env });
    assert.equal(code, 3);
    assert.equal(proxy.seen.length, 1);
    assert.equal((await publish(["--url", "http://starling.invalid", "a", "b"],
      { env: { ...env, no_proxy: "starling.invalid" } })).code, 3);
    assert.equal(proxy.seen.length, 1);
    proxy.close();
  });

  test("https_proxy makes a tunnel and does not get the key", async () => {
    const heads = [];
    const proxy = await listen();
    proxy.server.on("connect", (request, connection) => {
      heads.push([request.url, request.headers]);
      connection.on("error", () => {});
      connection.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    const { code, err } = await publish(["--url", "https://starling.invalid", "a", "b"],
      { env: { https_proxy: proxy.url } });
    assert.equal(code, 3, err);
    assert.match(err, /: the proxy refuses the tunnel with 403$/);
    assert.equal(heads.length, 1);
    assert.equal(heads[0][0], "starling.invalid:443");
    assert.equal(heads[0][1]["x-api-key"], undefined);
    proxy.close();
  });
});
