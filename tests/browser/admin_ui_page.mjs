// The page of npm @socket.io/admin-ui, as the package ships it.

import { readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";

import { repository } from "../interop/server.mjs";

const folder = path.join(repository, "tests/node_modules/@socket.io/admin-ui/ui/dist");
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css",
  ".png": "image/png", ".svg": "image/svg+xml" };

// Serves the package's folder. Its fonts come from elsewhere, where a test does not go. `files.origin` is the
// origin of the page.
export function servePage() {
  const files = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const file = path.join(folder, path.normalize(pathname === "/" ? "/index.html" : pathname));
    try {
      let bytes = readFileSync(file);
      if (file.endsWith(".html"))
        bytes = String(bytes).replace(/<link rel="stylesheet" href="https:[^>]*>/g, "");
      response.writeHead(200, { "content-type": types[path.extname(file)] });
      response.end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => {
    files.listen(0, "127.0.0.1", () => {
      files.origin = `http://127.0.0.1:${files.address().port}`;
      resolve(files);
    });
  });
}

// Fills the login of the page for the namespace /admin-ui of the server at `url`.
export async function fillLogin(page, url, password) {
  await page.getByLabel("Server URL").fill(url);
  await page.getByLabel("Username").fill("admin");
  await page.getByLabel("Password").fill(password);
  await page.getByText("Advanced options").click();
  await page.getByLabel("Admin namespace").fill("/admin-ui");
}

export async function connectPage(page) {
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByLabel("Password").waitFor({ state: "hidden" });
}

// "sockets", "events", ...; "" is the dashboard.
export const openTab = (page, name) => page.evaluate((hash) => { window.location.hash = hash; },
  name ? `#/${name}/` : "#/");

// Gives the page a window of this size, and waits until it is drawn for it: Vuetify looks at the width only some
// time after the window has changed, and turns its tables into lists then.
export async function resizePage(page, viewport) {
  await page.setViewportSize(viewport);
  await page.waitForFunction((width) => document.getElementById("app").__vue__.$vuetify.breakpoint.width === width,
    viewport.width);
  await page.evaluate(async () => { await document.getElementById("app").__vue__.$nextTick(); });
}
