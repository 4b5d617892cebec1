// Starts `starling cluster-demo` for a test.

import { readFileSync } from "node:fs";

import { freePort, Program, temporaryFolder, until } from "./server.mjs";

// Whether this process runs. A process that has ended and that its parent has not waited for (a zombie)
// does not: whose parent is killed gets a parent that may never wait.
export const alive = (pid) => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch (error) {
    if (!["ENOENT", "ESRCH"].includes(error.code)) throw error;
    return false;
  }
};

export class ClusterDemo extends Program {
  // `args`: further options.
  static async start(args = []) {
    const port = await freePort({ behind: 9 });  // The nodes take them.
    // Of a demo that is killed the files are left.
    const demo = new ClusterDemo("starling", ["cluster-demo", "--port", String(port), ...args],
      { port, env: { TMPDIR: temporaryFolder() } });
    await demo.ready(() => demo.stdout.includes("ready: "));
    demo.key = demo.stdout.match(/#key=([0-9a-f]{32})/)[1];
    demo.page = `http://localhost:${port}/#key=${demo.key}`;
    return demo;
  }

  call(path = "", { key = this.key, ...options } = {}) {
    return fetch(`http://127.0.0.1:${this.port}/api/cluster${path}`,
      { ...options, headers: { "X-Api-Key": key, ...options.headers } });
  }
  async state() { return (await this.call()).json(); }
  async node(number) { return (await this.state()).nodes[number - 1]; }
  press(process, button) { return this.call(`/${process}/${button}`, { method: "POST" }); }
  nodeIs(number, what) {
    return until(async () => {
      const node = await this.node(number);
      return what(node) && node;
    }, `node ${number}: ${what}`);
  }
  // The process ids of all processes.
  async pids() {
    const { redis, nodes } = await this.state();
    return [this.pid, ...nodes.map(({ pid }) => pid), redis.pid];
  }
}
