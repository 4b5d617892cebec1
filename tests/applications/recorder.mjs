// An application that is a process of its own: node recorder.mjs PORT [STATUS]. Prints "listening", then each webhook's
// body as a line, and answers STATUS, or 200.

import { Application } from "./application.mjs";

const [port, status = 200] = process.argv.slice(2).map(Number);
await Application.start(({ text }) => {
  process.stdout.write(`${text}\n`);
  return { status };
}, { port });
process.stdout.write("listening\n");
