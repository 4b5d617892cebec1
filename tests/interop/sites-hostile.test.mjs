// What a stranger may write into a request's Host, target and fields: which site answers, where the redirecting
// listener sends it, what of it stands in the access log.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { freePort, serve, temporaryFolder, until } from "./server.mjs";
import { Wire } from "./wire.mjs";

const folder = temporaryFolder();
const write = (name, text) => {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), text);
};
for (const site of ["default", "one", "two"]) write(`${site}/name.txt`, site);
write("acme/token", "the token");
write("acme/.hidden/token", "hidden");
write("secret", "not for anybody");
symlinkSync(path.join(folder, "secret"), path.join(folder, "acme/link"));
symlinkSync(folder, path.join(folder, "acme/all"));

let server, redirectPort;
const log = path.join(folder, "access.log");

before(async () => {
  redirectPort = await freePort();
  server = await serve({
    root: path.join(folder, "default"), hosts: ["127.0.0.1", "localhost"],
    sites: [{ hosts: ["one.example", "*.one.example", "xn--bcher-kva.example"], root: path.join(folder, "one") },
      { hosts: ["two.example", "[2001:db8::1]"], root: path.join(folder, "two") }],
    redirect: { listen: [`127.0.0.1:${redirectPort}`], acme_root: path.join(folder, "acme") },
    access_log: true, access_log_format: "combined", access_log_path: log,
  });
});
after(() => server?.stop());

// The answer to a request of exactly these bytes.
async function ask(port, ...lines) {
  const wire = await Wire.connect(port);
  wire.write(`${lines.join("\r\n")}\r\n\r\n`);
  const answer = await wire.response();
  wire.destroy();
  return { ...answer, location: answer.headers.location, body: answer.body.toString() };
}

describe("the Host field", () => {
  // Each with the site that answers, or 400; and what the redirecting listener does: it knows the host, or not.
  const cases = [
    ["one.example", "one", true], ["ONE.Example.", "one", true], ["one.example:8080", "one", true],
    ["one.example:", "one", true], ["\tone.example \t", "one", true], ["a.b.one.example", "one", true],
    ["XN--BCHER-KVA.example", "one", true], ["[2001:DB8::1]:80", "two", true], ["127.0.0.1", "default", true],
    ["one.example..", "default", false], ["xone.example", "default", false], ["one.example.evil.example", "default", false],
    ["one.example,two.example", "default", false], ["one.example;", "default", false], ["one%2eexample", "default", false],
    ["one.example%00", "default", false], ["two.example%2f", "default", false], ["127.1", "default", false],
    ["0x7f000001", "default", false], ["[::ffff:127.0.0.1]", "default", false], ["[2001:db8:0::1]", "default", false],
    [`${"a".repeat(300)}.one.example`, "default", false], [`${"a.".repeat(200)}one.example`, "default", false],
    ["", 400], ["one.example@two.example", 400], ["user:pass@one.example", 400], ["one.example/", 400],
    ["one.example?two", 400], ["one.example#", 400], ["one.example\\two", 400], ["one.example:-1", 400],
    ["one.example:80:80", 400], ["one.example:port", 400], ["one .example", 400], ["one.example\x7f", 400],
    ["[2001:db8::1", 400], ["[2001:db8::1]x", 400], ["2001:db8::1", 400], ["[]", 400], ["b\xc3\xbccher.example", 400],
    ["<b>.one.example", 400], ['"one.example"', 400],
  ];
  for (const [host, site, known] of cases) {
    test(JSON.stringify(host.slice(0, 40)), async () => {
      const here = await ask(server.port, "GET /name.txt HTTP/1.1", `Host: ${host}`);
      const there = await ask(redirectPort, "GET /name.txt HTTP/1.1", `Host: ${host}`);
      if (site === 400) {
        assert.deepEqual([here.status, there.status], [400, 400]);
      } else {
        assert.equal(here.body, site);
        assert.equal(there.status, known ? 308 : 421);
        const name = host.trim().replace(/:\d*$/, "");
        assert.equal(there.location, known ? `https://${name}/name.txt` : undefined);
      }
    });
  }
});

describe("the redirecting listener", () => {
  const host = "Host: one.example";
  const cases = [
    ["an absolute target of a known host", ["GET http://two.example/a?b HTTP/1.1", "Host: evil.example"], 308,
      "https://two.example/a?b"],
    ["an absolute target of a stranger", ["GET http://evil.example/ HTTP/1.1", host], 421],
    ["a target without a path", ["GET http://one.example?a HTTP/1.1", host], 308, "https://one.example/?a"],
    ["user information", ["GET http://one.example@evil.example/ HTTP/1.1", host], 400],
    ["another scheme", ["GET ftp://one.example/ HTTP/1.1", host], 400],
    ["two slashes", ["GET //evil.example/ HTTP/1.1", host], 308, "https://one.example//evil.example/"],
    ["a backslash", ["GET /\\evil.example HTTP/1.1", host], 400],
    ["escaped line breaks stay escaped", ["GET /%0d%0aSet-Cookie:a=b?%0d%0a HTTP/1.1", host], 308,
      "https://one.example/%0d%0aSet-Cookie:a=b?%0d%0a"],
    ["a line break", ["GET /a\rSet-Cookie:a=b HTTP/1.1", host], 400],
    ["a tab", ["GET /a\tb HTTP/1.1", host], 400],
    ["bytes that are not ASCII", ["GET /\xff HTTP/1.1", host], 400],
    ["a fragment", ["GET /#evil HTTP/1.1", host], 400],
    ["two hosts", ["GET / HTTP/1.1", host, "Host: two.example"], 400],
    ["no host", ["GET / HTTP/1.0"], 421],
    ["CONNECT", ["CONNECT one.example:443 HTTP/1.1", host], 501],
    ["a WebSocket", ["GET /ws HTTP/1.1", host, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="], 308, "https://one.example/ws"],
  ];
  for (const [what, lines, status, location] of cases) {
    test(what, async () => {
      const answer = await ask(redirectPort, ...lines);
      assert.deepEqual([answer.status, answer.location], [status, location]);
      assert.equal(answer.headers["set-cookie"], undefined);
    });
  }

  test("of ACME's folder nothing but its own files is served", async () => {
    const challenge = async (name) => ask(redirectPort, `GET /.well-known/acme-challenge/${name} HTTP/1.1`, host);
    assert.equal((await challenge("token")).body, "the token");
    assert.equal((await challenge("%74oken?a")).body, "the token");
    for (const name of ["", "../secret", "%2e%2e/secret", "..%2fsecret", "%2e%2e%2fsecret", "%252e%252e/secret", "./token", "/token",
      "token/", "token%00", "%00", "link", "all/secret", ".hidden/token", "%2ehidden/token", `${folder}/secret`, "a".repeat(300)]) {
      const { status, body } = await challenge(name);
      assert.equal(status, 404, name);
      assert.doesNotMatch(body, /token|hidden|anybody/, name);
    }
    for (const name of ["..\\secret", "\xc0\xae\xc0\xae/secret"]) assert.equal((await challenge(name)).status, 400, name);
  });
});

test("no field of a request makes another line of the access log, or another field", async () => {
  const texts = ['a" 200 1 "-" "-', "a\\", 'a\\"', "\\x0a", "a\tb", "\xff\xfe", "\xe2\x80\xa8", "\xc2\x85", "\xc2\x9b31m"];
  for (const text of texts) {
    const { status } = await ask(server.port, "GET /name.txt?%22=%0a HTTP/1.1", "Host: localhost",
      `Referer: ${text}`, `User-Agent: ${text}`);
    assert.equal(status, 200, JSON.stringify(text));
  }
  for (const text of ["a\x1b[31mb", "a\rb", "a\0b", "a\x7f"]) {
    assert.equal((await ask(server.port, "GET / HTTP/1.1", "Host: localhost", `User-Agent: ${text}`)).status, 400);
  }
  const quoted = '"(?:[^"\\\\]|\\\\.)*"';
  const line = new RegExp(`^127\\.0\\.0\\.1 - - \\[[^\\]]+\\] ${quoted} \\d{3} (?:\\d+|-) ${quoted} ${quoted}$`);
  const lines = await until(() => {
    const all = readFileSync(log, "utf8").split("\n").filter((one) => one.includes("%22=%0a"));
    return all.length === texts.length && all;
  }, "the lines");
  for (const one of readFileSync(log, "utf8").split("\n").slice(0, -1)) {
    assert.match(one, line);
    assert.doesNotMatch(one, /[\0-\x1f\x7f-\x9f\u2028\ufffd]/);
  }
  assert.deepEqual(lines.map((one) => one.match(new RegExp(quoted, "g")).length), texts.map(() => 3));
});
