// Sites by host name: curl and openssl s_client choose among them; the listener that redirects to https:.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { certificate } from "./certificates.mjs";
import { deadline, open } from "./client.mjs";
import { freePort, run, serve, temporaryFolder, until, writeConfig } from "./server.mjs";

// Runs a program to its end: {code, output}.
function output(program, args, input) {
  return deadline(new Promise((resolve) => {
    const child = execFile(program, args, { encoding: "latin1" },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, output: stdout + stderr }));
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
  }), program);
}

// The status, header fields and body that curl gets for `url`.
async function curl(url, ...args) {
  const { output: text } = await output("curl", ["-sik", "--path-as-is", "--noproxy", "*", ...args, url]);
  const end = text.indexOf("\r\n\r\n");
  return { status: Number(text.slice(9, 12)), head: text.slice(0, end), body: text.slice(end + 4) };
}

describe("sites", () => {
  const folder = temporaryFolder();
  const roots = Object.fromEntries(["default", "one", "two", "extra", "acme"].map((name) => {
    const root = path.join(folder, name);
    mkdirSync(root);
    writeFileSync(path.join(root, "index.html"), `page ${name} `.repeat(300));
    writeFileSync(path.join(root, "name.txt"), name);
    return [name, root];
  }));
  const first = certificate(folder, "default.example");
  const exact = certificate(folder, "www.one.example");
  const wild = certificate(folder, "*.one.example", "wild");
  const two = certificate(folder, "anything.example", "two");
  let server, tlsPort, redirectPort;

  before(async () => {
    [tlsPort, redirectPort] = [await freePort(), await freePort()];
    const port = await freePort();
    server = await serve({
      listen: [{ address: `127.0.0.1:${port}`, tls: false }, { address: `127.0.0.1:${tlsPort}`, tls: true }],
      root: roots.default,
      hosts: ["127.0.0.1"],
      unknown_host: "misdirected",
      headers: { add: ["X-Frame-Options: DENY"], remove: ["X-Content-Type-Options"] },
      // The wildcard is listed first: an exact name goes before it all the same.
      tls: { certificates: [first, wild, exact].map(({ cert, key }) => ({ cert, key })) },
      sites: [
        { hosts: ["one.example", "*.one.example"], root: roots.one,
          headers: { add: ["X-Site: one", "X-Frame-Options: SAMEORIGIN"] } },
        { hosts: ["two.example"], root: roots.two, compression: false, cert: two.cert, key: two.key },
      ],
      files: [{ path: "/extra", root: roots.extra, site: "two.example" }],
      websocket: [{ path: "/ws", kind: "echo", site: "two.example" }, { path: "/all", kind: "echo" }],
      redirect: { listen: [`127.0.0.1:${redirectPort}`], https_port: tlsPort, acme_root: roots.acme },
    }, { port });
  });
  after(() => server?.stop());

  const plain = (host, route, ...args) =>
    curl(`http://127.0.0.1:${server.port}${route}`, "-H", `Host: ${host}`, ...args);
  // curl names `host` in the handshake and in the request.
  const secure = (host, route, ...args) =>
    curl(`https://${host}:${tlsPort}${route}`, "--resolve", `${host}:${tlsPort}:127.0.0.1`, ...args);

  test("each host has its own files, header fields and WebSockets", async () => {
    const cases = [
      ["one.example", "/name.txt", 200, "one"],
      ["A.One.Example.:99", "/name.txt", 200, "one"],
      ["two.example", "/name.txt", 200, "two"],
      ["two.example", "/extra/name.txt", 200, "extra"],
      ["one.example", "/extra/name.txt", 404],
      ["127.0.0.1", "/name.txt", 200, "default"],
      ["127.0.0.1", "/../one/name.txt", 404],
      ["two.example", "/ws", 426],
      ["one.example", "/ws", 404],
      ["one.example", "/all", 426],
      ["one.example", "/healthz", 200],
      ["other.example", "/healthz", 421],
      ["[::1]", "/name.txt", 421],
      [`${"a".repeat(10_000)}.one.example`, "/name.txt", 421],
      ["a b", "/name.txt", 400],
    ];
    for (const [host, route, status, body] of cases) {
      const answer = await plain(host, route);
      assert.equal(answer.status, status, `${host.slice(0, 50)}${route}: ${answer.head}`);
      if (body) assert.equal(answer.body, body);
    }
    const one = await plain("one.example", "/");
    assert.match(one.head, /^X-Site: one\r?$/m);
    assert.match(one.head, /^X-Frame-Options: SAMEORIGIN\r?$/m);
    const twos = await plain("two.example", "/");
    assert.match(twos.head, /^X-Frame-Options: DENY\r?$/m);
    for (const { head } of [one, twos]) assert.doesNotMatch(head, /X-Content-Type-Options/);
    assert.match((await plain("one.example", "/", "--compressed")).head, /content-encoding: gzip/i);
    assert.doesNotMatch((await plain("two.example", "/", "--compressed")).head, /content-encoding/i);

    const client = await open(server.url("/ws"), [], { headers: { Host: "two.example" } });
    client.socket.send("hello");
    assert.equal(await client.next(), "hello");
    await client.close();
  });

  test("the host of an absolute target goes before the Host field", async () => {
    const answer = await plain("one.example", "/", "--request-target", "http://two.example/name.txt");
    assert.equal(answer.body, "two");
    const foreign = await plain("one.example", "/", "--request-target", "http://other.example/name.txt");
    assert.equal(foreign.status, 421);
  });

  async function subject(name) {
    const { output: text } = await output("openssl", ["s_client", "-connect", `127.0.0.1:${tlsPort}`,
      ...(name ? ["-servername", name] : ["-noservername"])]);
    return /^subject=CN ?= ?(.*)$/m.exec(text)?.[1];
  }

  test("the name of the handshake chooses the certificate: exact, wildcard, default", async () => {
    const cases = [
      ["www.one.example", "www.one.example"], ["WWW.ONE.example", "www.one.example"],
      ["x.one.example", "*.one.example"], ["two.example", "anything.example"],
      ["unknown.example", "default.example"], ["", "default.example"],
    ];
    for (const [name, want] of cases) assert.equal(await subject(name), want, name);
  });

  test("a request for another site than that of the handshake gets 421", async () => {
    assert.equal((await secure("two.example", "/name.txt")).body, "two");
    assert.equal((await secure("www.one.example", "/name.txt", "-H", "Host: one.example")).body, "one");
    for (const host of ["one.example", "127.0.0.1", "other.example"]) {
      const { status } = await secure("two.example", "/name.txt", "-H", `Host: ${host}`);
      assert.equal(status, 421, host);
    }
    // A client that calls an address names no host in its handshake.
    const byAddress = await curl(`https://127.0.0.1:${tlsPort}/name.txt`);
    assert.equal(byAddress.body, "default");
    assert.equal((await curl(`https://127.0.0.1:${tlsPort}/name.txt`, "-H", "Host: two.example")).body, "two");
  });

  test("SIGHUP takes a new certificate of a site; an unreadable one leaves the old", async () => {
    const fresh = certificate(folder, "renewed.example", "fresh");
    copyFileSync(fresh.key, two.key);
    copyFileSync(fresh.cert, two.cert);
    server.signal("SIGHUP");
    await until(async () => await subject("two.example") === "renewed.example", "the new certificate");
    assert.equal(await subject("x.one.example"), "*.one.example");
    writeFileSync(two.cert, "broken");
    server.signal("SIGHUP");
    await until(() => server.stderr.includes(two.cert), "the log line");
    assert.equal(await subject("two.example"), "renewed.example");
  });

  test("SIGHUP takes other certificates of the server; the sites keep theirs", async () => {
    copyFileSync(certificate(folder, "again.example", "again").cert, two.cert);
    copyFileSync(path.join(folder, "again.key"), two.key);
    const other = certificate(folder, "other-default.example");
    const config = JSON.parse(readFileSync(server.config, "utf8"));
    config.tls.certificates = [{ cert: other.cert, key: other.key }];
    writeFileSync(server.config, JSON.stringify(config));
    server.signal("SIGHUP");
    await until(async () => await subject("") === "other-default.example", "the new certificate");
    assert.equal(await subject("two.example"), "again.example");
  });

  test("http: is redirected to https: with path and query, for known hosts alone", async () => {
    const at = (host, route, ...args) =>
      curl(`http://127.0.0.1:${redirectPort}${route}`, "-H", `Host: ${host}`, ...args);
    const location = ({ head }) => /^Location: (.*?)\r?$/m.exec(head)?.[1];
    const moved = await at("Two.Example:8080", "/a%20b/c?x=1&y=%2F", "-X", "POST", "-d", "body");
    assert.equal(moved.status, 308);
    assert.equal(location(moved), `https://Two.Example:${tlsPort}/a%20b/c?x=1&y=%2F`);
    assert.equal(location(await at("127.0.0.1", "/")), `https://127.0.0.1:${tlsPort}/`);
    assert.equal(location(await at("two.example", "//evil.example/")),
      `https://two.example:${tlsPort}//evil.example/`);
    for (const host of ["evil.example", "[::1]", "a".repeat(10_000)]) {
      const refused = await at(host, "/");
      assert.equal(refused.status, 421, host.slice(0, 30));
      assert.equal(location(refused), undefined);
    }
    assert.equal((await at("", "/")).status, 400);
    // ACME's challenges come in clear.
    assert.equal((await at("two.example", "/.well-known/acme-challenge/name.txt")).body, "acme");
    assert.equal((await at("two.example", "/.well-known/acme-challenge/none")).status, 404);
    assert.equal((await at("two.example", "/.well-known/acme-challenge/../../one/name.txt")).status, 404);
  });
});

test("a redirecting address that is taken ends the program with one line", async () => {
  const server = await serve();
  try {
    const file = writeConfig({ listen: [`127.0.0.1:${await freePort()}`],
      redirect: { listen: [`127.0.0.1:${server.port}`] } });
    const { code, stderr } = await run(["serve", "--config", file]);
    assert.equal(code, 2);
    assert.match(stderr, /starling\.yaml:\d+: key 'redirect\.listen\[0\]': cannot listen on .*\n$/);
  } finally {
    await server.stop();
  }
});

test("a client that speaks https: with a trusted proxy is not redirected to https: again", async () => {
  const port = await freePort();
  const server = await serve({ trusted_proxies: ["127.0.0.1"], redirect: { listen: [`127.0.0.1:${port}`] } });
  try {
    for (const [scheme, status] of [["http", 308], ["https", 421], ["HTTPS", 421], ["gopher", 308], ["", 308]])
      assert.equal((await curl(`http://127.0.0.1:${port}/`, "-H", `X-Forwarded-Proto: ${scheme}`)).status, status, scheme);
    // A peer that is no trusted proxy says what it likes.
    assert.equal((await curl(`http://127.0.0.1:${port}/`, "--interface", "127.0.0.9",
      "-H", "X-Forwarded-Proto: https")).status, 308);
  } finally {
    await server.stop();
  }
});
