// Chromium as judge of starling::WebSocket: the same script, played by a page and by the C++ client,
// against the same raw server, must give the same events in the same order.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import http from "node:http";
import net from "node:net";
import { after, before, describe, test } from "node:test";

import { Program, freePort } from "../interop/server.mjs";
import { launch, openPage } from "./browser.mjs";
import { situations, urls } from "./websocket_situations.mjs";

const accept = (head) => createHash("sha1")
  .update(`${/sec-websocket-key: (.*)\r/i.exec(head)[1]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
  .digest("base64");

// A connection for the situation's script of the server.
class Peer {
  constructor(socket) {
    this.socket = socket;
    this.input = Buffer.alloc(0);
    this.waiting = [];
    socket.on("error", () => {});
    socket.on("data", (data) => {
      this.input = Buffer.concat([this.input, data]);
      for (const wake of this.waiting.splice(0)) wake();
    });
    socket.on("close", () => {
      this.closed = true;
      for (const wake of this.waiting.splice(0)) wake();
    });
  }
  more() { return new Promise((resolve) => { this.waiting.push(resolve); }); }
  async head() {
    while (!this.closed && !this.input.includes("\r\n\r\n")) await this.more();
    const at = this.input.indexOf("\r\n\r\n") + 4;
    const head = this.input.subarray(0, at).toString();
    this.input = this.input.subarray(at);
    return head;
  }
  async accept(fields = "") {
    const head = await this.head();
    if (!head) return;
    this.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Accept: ${accept(head)}\r\n${fields}\r\n`);
  }
  write(text) { this.socket.write(text, "latin1"); }
  frames(hex) { this.socket.write(Buffer.from(hex.replaceAll(" ", ""), "hex")); }
  // Waits for the client's close frame (each frame of the scripts is short).
  async closeFrame() {
    for (;;) {
      if (this.closed) return;
      if (this.input.length >= 2) {
        const size = 6 + (this.input[1] & 127);
        if (this.input.length >= size) {
          const opcode = this.input[0] & 15;
          this.input = this.input.subarray(size);
          if (opcode === 8) return;
          continue;
        }
      }
      await this.more();
    }
  }
  end() { this.socket.end(); }
  reset() { this.socket.resetAndDestroy(); }
}
Peer.acceptOf = accept;

// In the page: plays a script as tests/interop/websocket_client.cpp does.
function play(script) {
  const log = [];
  if (script.urls) {
    for (const url of script.urls) {
      try {
        const socket = new WebSocket(url);
        log.push(`url ${socket.url}`);
        socket.close();
      } catch (error) { log.push(`throws ${error.name}`); }
    }
    return log;
  }
  let socket;
  const acts = {
    send: (text) => socket.send(text),
    binary: (text) => socket.send(new TextEncoder().encode(text)),
    close: (...args) => socket.close(...args),
    buffered: () => log.push(`buffered ${socket.bufferedAmount}`),
    protocol: () => log.push(`protocol '${socket.protocol}' '${socket.extensions}'`),
    listen: (line) => socket.addEventListener("message", () => log.push(line)),
    handler: (line) => { socket.onmessage = () => log.push(line); },
    nohandler: () => { socket.onmessage = null; },
  };
  const run = (moment) => {
    for (const [name, ...args] of script[moment] ?? []) {
      try { acts[name](...args); } catch (error) { log.push(`throws ${error.name}`); }
    }
  };
  try {
    socket = new WebSocket(script.url, script.protocols ?? []);
  } catch (error) { return [`throws ${error.name}`]; }
  return new Promise((resolve) => {
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { log.push(`open ${socket.readyState}`); run("open"); };
    socket.onmessage = ({ data }) => {
      log.push(typeof data === "string" ? `text ${data} ${socket.readyState}`
        : `binary ${new TextDecoder().decode(data)} ${socket.readyState}`);
      run("message");
    };
    socket.onerror = () => log.push(`error ${socket.readyState}`);
    socket.onclose = (event) => {
      log.push(`close ${event.code} '${event.reason}' ${event.wasClean} ${socket.readyState}`);
      run("closed");
      resolve(log);
    };
    run("start");
  });
}

describe("the events of starling::WebSocket and of Chromium", () => {
  let browser, page, site;
  before(async () => {
    browser = await launch();
    site = http.createServer((request, response) => response.end("<title>judge</title>"));
    await new Promise((resolve) => { site.listen(0, "127.0.0.1", resolve); });
    page = await openPage(browser, `http://127.0.0.1:${site.address().port}/`);
  });
  after(async () => {
    await browser?.close();
    site.closeAllConnections();
    site.close();
  });

  async function here(script) {
    const program = new Program("websocket_test_client", [JSON.stringify(script)],
      { env: { http_proxy: "", https_proxy: "", all_proxy: "" } });
    const { code } = await program.exited;
    assert.equal(code, 0, program.stderr);
    return program.stdout.split("\n").slice(0, -1);
  }

  for (const { name, server: serve, ours: expected, theirs, ...script } of situations) {
    test(name, async () => {
      const sockets = new Set();
      const server = net.createServer({ allowHalfOpen: true }, (socket) => {
        sockets.add(socket);
        serve?.(new Peer(socket), Peer.acceptOf);
        socket.on("end", () => socket.end());
      });
      const port = serve ? await new Promise((resolve) => {
        server.listen(0, "127.0.0.1", () => resolve(server.address().port));
      }) : await freePort();
      const full = { url: `ws://127.0.0.1:${port}/`, ...script };
      const judge = await page.evaluate(play, full);
      const ours = await here(full);
      for (const socket of sockets) socket.destroy();
      server.close();
      assert.ok(judge.length > 0);
      assert.deepEqual(judge, theirs ?? judge);
      assert.deepEqual(ours, expected ?? judge);
    });
  }

  test("the URLs that the constructor takes, and WebSocket.url", async () => {
    const judge = await page.evaluate(play, { urls });
    assert.equal(judge.length, urls.length);
    assert.deepEqual(await here({ urls }), judge);
  });
});
