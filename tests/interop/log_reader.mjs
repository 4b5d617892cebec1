// Reads GET /tapr/ws/log of a gateway: Server-Sent Events, one JSON object each.
//
//   const log = await readLog(gateway);
//   const seen = await log.next(({ type }) => type === "opened");

import http from "node:http";

import { deadline } from "./client.mjs";

export class LogReader {
  #events = [];
  #waiting = [];
  #rest = "";
  text = "";  // All that came.

  constructor(response) {
    this.response = response;
    this.status = response.statusCode;
    this.ended = new Promise((resolve) => { response.on("close", resolve); });
    response.setEncoding("utf8");
    response.on("error", () => {});
    response.on("data", (piece) => this.#take(piece));
  }

  #take(piece) {
    this.text += piece;
    const parts = (this.#rest + piece).split("\n\n");
    this.#rest = parts.pop();
    for (const part of parts.filter((one) => one.startsWith("data: "))) {
      this.#events.push(JSON.parse(part.slice("data: ".length)));
    }
    for (const wake of this.#waiting.splice(0)) wake();
  }

  // The first event that `wanted` matches; it and all before it are taken.
  next(wanted, what = "an event of the log") {
    const find = async () => {
      for (;;) {
        const at = this.#events.findIndex(wanted);
        if (at >= 0) return this.#events.splice(0, at + 1).at(-1);
        await new Promise((resolve) => { this.#waiting.push(resolve); });
      }
    };
    return deadline(find(), `${what}; so far:\n${this.text}`);
  }

  close() {
    this.response.destroy();
    return this.ended;
  }
}

// Resolves once the answer's head is there, whatever its status.
export function requestLog(port, headers) {
  return deadline(new Promise((resolve, reject) => {
    const request = http.get({ host: "127.0.0.1", port, path: "/tapr/ws/log", headers, agent: false },
      (response) => resolve(new LogReader(response)));
    request.on("error", reject);
  }), "the log to answer");
}

// Resolves once every further event will be seen.
export async function readLog(gateway, key = gateway.key) {
  const log = await requestLog(gateway.port, { "X-Api-Key": key });
  if (log.status !== 200) throw new Error(`the log answers ${log.status}`);
  await log.next(({ type }) => type === "started");
  return log;
}
