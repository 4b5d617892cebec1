// Faults between a client and a server that a test controls, and a machine that is slow.

import net from "node:net";

// Runs `play(slow)`. If it fails after it has called slow(), since a time was over before the test came so
// far, it runs again, at most five times.
export async function patiently(play) {
  for (let tries = 5; ; tries -= 1) {
    let slow = false;
    try {
      return await play(() => { slow = true; });
    } catch (error) {
      if (!slow || tries === 1) throw error;
    }
  }
}

// Returns a function that ends what engine.io keeps of long-polling after the server is closed: its
// Polling.doClose() waits 30 s for a poll of a client that is gone. shouldClose is what the poll would call.
export function pollsOf(engine) {
  const polls = [];
  engine.on("connection", ({ transport }) => {
    if (transport.name === "polling") polls.push(transport);
  });
  return () => { for (const transport of polls) transport.shouldClose?.(); };
}

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

  // Both sides see a reset. Node leaves a socket open for ever whose reset comes while its end is being
  // sent, and does not exit then.
  reset() {
    for (const { client, server } of this.#pairs)
      for (const socket of [client, server]) socket.writableEnded ? socket.destroy() : socket.resetAndDestroy();
  }

  stop() {
    this.reset();
    this.server.close();
  }
}
