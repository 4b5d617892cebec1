// A chat with private messages behind `starling gateway`: an HTTP server that answers each webhook with actions
// for the gateway. Usage: node chat.mjs [PORT]; the default port is 3010.

import { readFileSync } from "node:fs";
import http from "node:http";

const page = readFileSync(new URL("../page.html", import.meta.url));
const names = new Map();  // By the connection's id.

const toAll = (payload) => ({ publish: { topic: "chat", payload } });
const toOne = (conn_id, payload) => ({ send: { conn_id, payload } });
const people = () => toAll({ event: "people", names: [...new Set(names.values())].sort() });
const textOf = (value, length) => (typeof value === "string" ? value.slice(0, length) : "");

function onMessage(conn_id, data) {
  const [name, to, text] = [textOf(data?.name, 64), textOf(data?.to, 64), textOf(data?.text, 1000)];
  if (data?.event === "enter" && name) {
    names.set(conn_id, name);
    return [{ join: ["chat"] }, people()];
  }
  const sender = names.get(conn_id);
  if (!sender) return [toOne(conn_id, { event: "who" })];  // This program was started again.
  if (data?.event === "say") return [toAll({ event: "said", sender, text })];
  const receivers = [...names].filter(([, other]) => other === to).map(([id]) => id);
  if (receivers.length === 0) return [toOne(conn_id, { event: "error", text: `${to} is not here` })];
  return [...new Set([...receivers, conn_id])].map((id) => toOne(id, { event: "whispered", sender, to, text }));
}

function actionsFor({ action, conn_id, data }) {
  if (action === "message") return onMessage(conn_id, data);
  if (action === "close" && names.delete(conn_id)) return [people()];
  return [];
}

async function answer(request, response) {
  if (request.method === "GET" && /^\/(\?.*)?$/.test(request.url)) {
    return response.setHeader("Content-Type", "text/html; charset=utf-8").end(page);
  }
  if (request.method !== "POST" || request.url !== "/websocket/message") return response.writeHead(404).end();
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const actions = actionsFor(JSON.parse(Buffer.concat(chunks)));
  return response.setHeader("Content-Type", "application/vnd.starling.actions+json").end(JSON.stringify({ actions }));
}

http.createServer((request, response) => {
  answer(request, response).catch((error) => response.writeHead(400).end(String(error)));
}).listen(Number(process.argv[2] ?? 3010), "127.0.0.1");
