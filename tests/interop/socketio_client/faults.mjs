// Faults between a client and a server that a test controls.

import net from "node:net";

// A TCP proxy in front of a port of this machine.
export class Cut {
  #pairs = new Set();
  silent = false;

  async start(port) {
    this.target = port;
    this.server = net.createServer((client) => this.#connect(client));
    await new Promise((resolve) => { this.server.listen(0, "127.0.0.1", resolve); });
    this.port = this.server.address().port;
    return this;
  }

  #connect(client) {
    const server = net.connect(this.target, "127.0.0.1");
    const pair = { client, server };
    this.#pairs.add(pair);
    for (const [from, to] of [[client, server], [server, client]]) {
      from.on("data", (bytes) => { if (!this.silent) to.write(bytes); });
      from.on("end", () => { if (!this.silent) to.end(); });
      from.on("error", () => {});
      from.on("close", () => {
        if (!this.silent) to.destroy();
        if (client.destroyed && server.destroyed) this.#pairs.delete(pair);
      });
    }
  }

  // Both sides see a reset.
  reset() {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  stop() {
    this.reset();
    this.server.close();
  }
}
