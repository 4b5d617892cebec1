// The samples of the home page, for tests. web/ is served, and has no package.json that would make its
// modules modules for Node.js: they are loaded from their text.

import { readFileSync } from "node:fs";
import path from "node:path";

import { repository } from "./server.mjs";

export function webModule(name) {
  const source = readFileSync(path.join(repository, "web", name), "utf8");
  return import(`data:text/javascript;base64,${Buffer.from(source).toString("base64")}`);
}

export const { fill, ownServer, samples } = await webModule("front/samples.js");

export const values = (server, key = "") =>
  ({ ws: server.url("", "ws"), http: server.url("", "http"), key });
