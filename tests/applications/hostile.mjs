// Applications that treat the gateway badly: scripts for Application.

import { setTimeout as pause } from "node:timers/promises";

const chunk = Buffer.alloc(64 * 1024, "x");

// Writes `bytes` bytes of a body, as far as the gateway takes them.
async function pour(response, bytes) {
  let wake = () => {};
  for (const event of ["drain", "close"]) response.on(event, () => wake());
  for (let left = bytes; left > 0 && !response.destroyed; left -= chunk.length) {
    if (!response.write(chunk)) await new Promise((resolve) => { wake = resolve; });
  }
  response.end();
}

// Writes bytes that no HTTP server would send.
function raw({ request, response }, bytes) {
  response.detachSocket(request.socket);
  request.socket.end(bytes);
}

export const slow = (ms) => async () => {
  await pause(ms, undefined, { ref: false });
  return {};
};
export const never = () => {};
export const failing = (status = 500, headers = {}) => () => ({ status, headers, body: "failed" });
export const huge = (webhook, { response }) => {
  response.writeHead(200, { "Content-Type": "application/json" });
  pour(response, 100 * 1024 * 1024);
};
export const endless = (webhook, { response }) => {
  response.writeHead(200, { "Content-Type": "application/json" });
  response.write("{");
};
export const halfBody = (webhook, exchange) =>
  raw(exchange, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
export const halfHead = (webhook, exchange) => raw(exchange, "HTTP/1.1 200 OK\r\nContent-Le");
export const closing = (webhook, { request }) => { request.socket.destroy(); };
export const garbage = (webhook, exchange) => raw(exchange, "\x00\xff\x16garbage\r\n\r\n\r\n");
export const redirecting = ({ path }) =>
  ({ status: 307, headers: { Location: `${path}?again` } });
export const manyHeaders = () => ({ status: 200,
  headers: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`X-Field-${i}`, "value"])) });

// Ends the connection behind its answer, and does not say so before (no Connection: close).
export const hangingUp = (webhook, { request, response }) => {
  response.on("finish", () => request.socket.destroy());
  return {};
};

// Hostile for the first `count` webhooks, a good application behind them.
export function mended(script, count) {
  let left = count;
  return (webhook, exchange) => {
    left -= 1;
    return left >= 0 ? script(webhook, exchange) : {};
  };
}
