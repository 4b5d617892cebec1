// Certificates of single addresses (`listen[].cert`), seen by openssl s_client and Node's TLS client.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { certificate } from "./certificates.mjs";
import { deadline, open } from "./client.mjs";
import { freePort, run, serve, temporaryFolder, until, writeConfig } from "./server.mjs";

// The subject of the certificate that the port presents to a client that asks for `name`; "": it names no host.
function subject(port, name) {
  return deadline(new Promise((resolve) => {
    const sni = name ? ["-servername", name] : ["-noservername"];
    const child = execFile("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, ...sni],
      (error, stdout) => resolve(/subject=CN = (\S+)/.exec(stdout)?.[1]));
    child.stdin.on("error", () => {});
    child.stdin.end();
  }), `openssl s_client ${name}`);
}

const folder = temporaryFolder();
const files = ({ cert, key }) => ({ cert, key });
const made = (name, file = name) => certificate(folder, name, file);

describe("certificates of addresses", () => {
  const [shared, inner, partner, site] = ["shared.example", "inner.example", "partner.example", "site.example"].map((name) => made(name));
  let server, ports;
  before(async () => {
    ports = await Promise.all([0, 0, 0, 0].map(freePort));
    const address = (i) => `127.0.0.1:${ports[i]}`;
    server = await serve({
      listen: [{ address: address(0), tls: false }, { address: address(1), ...files(inner) },
        { address: address(2), tls: true, ...files(partner) }, address(3)],
      tls: { certificates: [files(shared)] },
      sites: [{ hosts: ["site.example", "*.site.example"], ...files(site) }],
      websocket: [{ path: "/echo", kind: "echo" }],
    }, { port: ports[0] });
  });
  after(() => server?.stop());

  test("each address presents its own; sites by SNI on top; the others present tls.certificates", async () => {
    const cases = [
      [1, "", "inner.example"], [1, "elsewhere.example", "inner.example"], [1, "shared.example", "inner.example"],
      [1, "site.example", "site.example"], [1, "a.b.site.example", "site.example"],
      [2, "", "partner.example"], [2, "inner.example", "partner.example"], [2, "site.example", "site.example"],
      [3, "", "shared.example"], [3, "partner.example", "shared.example"], [3, "site.example", "site.example"],
    ];
    for (const [i, name, want] of cases) assert.equal(await subject(ports[i], name), want, `${i} ${name}`);
    const client = await open(`wss://127.0.0.1:${ports[2]}/echo`, [], { rejectUnauthorized: false });
    client.socket.send("hello");
    assert.equal(await client.next(), "hello");
    await client.close();
  });

  test("SIGHUP takes a new certificate of an address; an unreadable one leaves the old", async () => {
    const fresh = made("renewed.example", "fresh");
    copyFileSync(fresh.key, partner.key);
    copyFileSync(fresh.cert, partner.cert);
    server.signal("SIGHUP");
    await until(async () => await subject(ports[2], "") === "renewed.example", "the new certificate");
    assert.equal(await subject(ports[1], ""), "inner.example");
    assert.equal(await subject(ports[3], ""), "shared.example");
    writeFileSync(partner.cert, "broken");
    server.signal("SIGHUP");
    await until(() => server.stderr.includes(partner.cert), "the log line");
    assert.equal(await subject(ports[2], ""), "renewed.example");
    assert.equal(await subject(ports[2], "site.example"), "site.example");
  });
});

test("TLS on one address alone, without tls.certificates", async () => {
  const [clear, tls] = [await freePort(), await freePort()];
  const server = await serve({ listen: [`127.0.0.1:${clear}`,
    { address: `127.0.0.1:${tls}`, ...files(made("alone.example")) }] }, { port: clear });
  try {
    assert.equal(await subject(tls, ""), "alone.example");
    assert.equal((await fetch(`http://127.0.0.1:${clear}/healthz`)).status, 200);
    assert.match(server.stderr, new RegExp(`http://localhost:${clear}.*https://localhost:${tls}`));
  } finally {
    await server.stop();
  }
});

test("check-config names the address whose certificate cannot be used", async () => {
  const one = made("one.example");
  const two = made("two.example");
  const broken = path.join(folder, "broken.pem");
  writeFileSync(broken, "x");
  const check = async (listen) => (await run(["check-config", writeConfig({ listen })])).stderr;
  assert.match(await check([{ address: ":1", ...files(one) }, { address: ":2", cert: broken, key: two.key }]),
    /starling\.yaml:\d+: key 'listen\[1\]\.cert': .*broken\.pem.*\n$/);
  assert.match(await check([{ address: ":1", cert: one.cert, key: two.key }]),
    /starling\.yaml:\d+: key 'listen\[0\]\.cert': .*\n$/);
});
