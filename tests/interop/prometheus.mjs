// A real Prometheus (Debian's package) for a test: on a free port, in a folder of its own. It is ended
// by its process id.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

import { freePort, onExit, repository, temporaryFolder, until } from "./server.mjs";

const run = promisify(execFile);
export const folder = path.join(repository, "packaging/prometheus");

// A test that cannot run fails: it says what is missing.
export function requirePrometheus() {
  for (const program of ["/usr/bin/prometheus", "/usr/bin/promtool"]) {
    if (!existsSync(program)) {
      throw new Error(`${program} is missing: run "setup/install test" (Debian's package prometheus)`);
    }
  }
}

export async function promtool(args, input) {
  const child = run("/usr/bin/promtool", args);
  if (input !== undefined) child.child.stdin.end(input);
  return child;
}

export class Prometheus {
  // Scrapes `targets`, "HOST:PORT", each second as job "starling".
  static async start(t, targets) {
    requirePrometheus();
    const prometheus = new Prometheus();
    const home = temporaryFolder();
    prometheus.port = await freePort();
    const file = path.join(home, "prometheus.yml");
    writeFileSync(file, JSON.stringify({
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: [path.join(folder, "alerts.yml")],
      scrape_configs: [{ job_name: "starling", static_configs: [{ targets }] }],
    }));
    prometheus.child = spawn("/usr/bin/prometheus", [`--config.file=${file}`,
      `--storage.tsdb.path=${path.join(home, "data")}`,
      `--web.listen-address=127.0.0.1:${prometheus.port}`], { stdio: ["ignore", "ignore", "pipe"] });
    prometheus.stderr = "";
    prometheus.child.stderr.on("data", (text) => {
      prometheus.stderr = (prometheus.stderr + text).slice(-8192);
    });
    onExit(prometheus.child);
    t.after(() => prometheus.stop());
    await until(() => prometheus.get("/-/ready").then((answer) => answer.ok, () => false),
      `prometheus\n${prometheus.stderr}`);
    return prometheus;
  }

  get(path) { return fetch(`http://127.0.0.1:${this.port}${path}`); }

  async api(path) {
    const answer = await (await this.get(`/api/v1/${path}`)).json();
    if (answer.status !== "success") throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  }

  // The result of an expression now: a list of {metric, value}.
  async query(expression) {
    return (await this.api(`query?query=${encodeURIComponent(expression)}`)).result;
  }

  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const closed = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await closed;
  }
}
