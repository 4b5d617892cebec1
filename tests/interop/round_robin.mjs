// A load balancer that is as far from sticky as one can be.
import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";

// Each request goes to the next of `ports()`, and each upgrade to the next that does not own the session.
export async function roundRobin(t, ports) {
  const seen = { requests: 0, upgrades: 0, failed: 0 };
  const owners = new Map();
  let turn = 0;
  const next = (owner) => {
    const all = ports().filter((port) => port !== owner);
    return all[turn++ % all.length];
  };
  const sidOf = (url) => new URL(url, "http://here").searchParams.get("sid");
  const agent = new http.Agent({ keepAlive: true });
  const server = http.createServer((request, response) => {
    ++seen.requests;
    const port = next();
    const asked = http.request({ host: "127.0.0.1", port, agent, method: request.method,
      path: request.url, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      if (!sidOf(request.url))
        answer.once("data", (bytes) => owners.set(/"sid":"([^"]+)"/.exec(String(bytes))?.[1], port));
      answer.pipe(response);
    });
    asked.on("error", () => {
      ++seen.failed;
      response.headersSent ? response.destroy() : response.writeHead(502).end();
    });
    response.on("close", () => asked.destroy());
    request.pipe(asked);
  });
  server.on("upgrade", (request, socket, head) => {
    ++seen.upgrades;
    const lines = [];
    for (let i = 0; i < request.rawHeaders.length; i += 2)
      lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}\r\n`);
    const owner = owners.get(sidOf(request.url));
    assert.ok(owner, "a session that this balancer has seen");
    const node = net.connect(next(owner), "127.0.0.1");
    node.write(`GET ${request.url} HTTP/1.1\r\n${lines.join("")}\r\n`);
    node.write(head);
    node.pipe(socket).pipe(node);
    for (const one of [node, socket]) one.on("error", () => { node.destroy(); socket.destroy(); });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
    agent.destroy();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, seen };
}
