// The opening handshake (RFC 6455 section 4): accepted and refused clients, and their subprotocols.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { open, refusal } from "./client.mjs";
import { serve } from "./server.mjs";
import { Wire, upgradeRequest } from "./wire.mjs";

const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

describe("opening handshake", () => {
  let server;
  before(async () => {
    server = await serve({ websocket: [
      { path: "/echo", kind: "echo", subprotocols: ["chat.v2", "chat.v1"] },
      { path: "/listed", kind: "echo", origins: ["https://app.example"] },
      { path: "/any", kind: "echo", origins: ["*"] },
    ] });
  });
  after(() => server.stop());

  async function answer(request) {
    const wire = await Wire.connect(server.port);
    wire.write(request);
    const response = await wire.response();
    wire.destroy();
    return response;
  }

  test("the sample handshake of RFC 6455 section 1.3", async () => {
    const response = await answer(upgradeRequest("/echo", [key]));
    assert.equal(response.status, 101);
    assert.equal(response.headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert.equal(response.headers.upgrade.toLowerCase(), "websocket");
    assert.equal(response.headers.connection.toLowerCase(), "upgrade");
    assert.equal(response.headers["sec-websocket-protocol"], undefined);
    assert.equal(response.headers["sec-websocket-extensions"], undefined);
  });

  for (const [offered, chosen] of [
    [["chat.v1"], "chat.v1"], [["other", "chat.v2"], "chat.v2"], [[], ""],
  ]) {
    test(`subprotocols [${offered}] choose "${chosen}"`, async () => {
      const client = await open(server.url("/echo"), offered);
      assert.equal(client.socket.protocol, chosen);
      await client.close();
    });
  }

  test("both known subprotocols: one of them is chosen, once", async () => {
    const client = await open(server.url("/echo"), ["chat.v1", "chat.v2"]);
    assert.match(client.socket.protocol, /^chat\.v[12]$/);
    await client.close();
  });

  test("an unknown subprotocol is not confirmed", async () => {
    const response = await answer(upgradeRequest("/echo",
      [key, "Sec-WebSocket-Protocol: other"]));
    assert.equal(response.headers["sec-websocket-protocol"], undefined);
  });

  for (const [path, origin, status] of [
    ["/echo", undefined, 101], ["/echo", "same", 101], ["/echo", "https://evil.example", 403],
    ["/echo", "null", 403], ["/listed", "https://app.example", 101], ["/listed", "same", 101],
    ["/listed", "http://app.example", 403], ["/listed", "https://app.example.evil.example", 403],
    ["/any", "https://evil.example", 101],
  ]) {
    test(`${path} with origin ${origin} gets ${status}`, async () => {
      const value = origin === "same" ? `http://127.0.0.1:${server.port}` : origin;
      const options = value ? { headers: { Origin: value } } : {};
      if (status === 101) return (await open(server.url(path), [], options)).close();
      assert.equal((await refusal(server.url(path), [], options)).status, status);
    });
  }

  test("an unknown path gets 404", async () => {
    assert.equal((await refusal(server.url("/nowhere"))).status, 404);
  });

  const host = "Host: localhost";
  const base = [host, "Upgrade: websocket", "Connection: Upgrade"];
  const version = "Sec-WebSocket-Version: 13";
  const request = (line, headers) => [line, ...headers, "", ""].join("\r\n");
  const refused = [
    ["no key", "GET /echo HTTP/1.1", [...base, version], 400],
    ["a key that is not base64", "GET /echo HTTP/1.1",
      [...base, version, "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=="], 400],
    ["a key of 15 bytes", "GET /echo HTTP/1.1",
      [...base, version, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"], 400],
    ["two keys", "GET /echo HTTP/1.1", [...base, version, key, key], 400],
    ["method POST", "POST /echo HTTP/1.1", [...base, version, key, "Content-Length: 0"], 405],
    ["a body", "GET /echo HTTP/1.1", [...base, version, key, "Content-Length: 3"], 400],
  ];
  for (const [name, line, headers, status] of refused) {
    test(`${name} gets ${status}`, async () => {
      assert.equal((await answer(request(line, headers))).status, status);
    });
  }

  for (const wrong of ["8", "12", "14", "x"]) {
    test(`version ${wrong} gets 426 that names version 13`, async () => {
      const response = await answer(request("GET /echo HTTP/1.1",
        [...base, `Sec-WebSocket-Version: ${wrong}`, key]));
      assert.equal(response.status, 426);
      assert.equal(response.headers["sec-websocket-version"], "13");
    });
  }

  test("Connection with several tokens, names in any case", async () => {
    const response = await answer(request("GET /echo?room=1 HTTP/1.1", ["HOST: localhost",
      "UPGRADE: WebSocket", "connection: keep-alive, uPGRADE", "sec-websocket-version: 13",
      key.toLowerCase().replace(/: .*/, ": dGhlIHNhbXBsZSBub25jZQ==")]));
    assert.equal(response.status, 101);
  });

  test("a request arriving byte by byte is accepted, with a frame right behind it", async () => {
    const wire = await Wire.connect(server.port);
    for (const byte of Buffer.from(upgradeRequest("/echo", [key]))) {
      await wire.drained(Buffer.from([byte]));
    }
    assert.equal((await wire.response()).status, 101);
    wire.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
    assert.equal((await wire.frame()).payload.toString(), "hi");
    wire.destroy();
  });

  test("frames in the packet of the request are not lost", async () => {
    const wire = await Wire.connect(server.port);
    wire.write(Buffer.concat([Buffer.from(upgradeRequest("/echo", [key])),
      Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])]));
    assert.equal((await wire.response()).status, 101);
    assert.equal((await wire.frame()).payload.toString(), "hi");
    wire.destroy();
  });

  test("a GET without upgrade on a WebSocket path is answered, not upgraded", async () => {
    const response = await answer(request("GET /echo HTTP/1.1", [host]));
    assert.ok([404, 426].includes(response.status), `status ${response.status}`);
  });
});
