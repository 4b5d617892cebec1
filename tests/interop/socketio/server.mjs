// The Socket.IO test server on npm `socket.io`, the reference: the same tests run against this
// server and against starling's own, which has the same flags and the same behaviour.
//
//   node server.mjs --port 0 [flags]      prints "listening <port>" once it accepts, on 127.0.0.1
//
// Flag                              Option of socket.io 4.8
//   --port n                        0: any free port, also the port of a server that was ended
//   --workers n                     default 1; ignored here
//   --recovery                      connectionStateRecovery: {}
//   --allow-eio3                    allowEIO3
//   --parser msgpack                parser: socket.io-msgpack-parser
//   --ping-interval ms, --ping-timeout ms, --connect-timeout ms, --upgrade-timeout ms
//   --max-http-buffer-size bytes    maxHttpBufferSize
//   --transports a,b                transports
//   --no-upgrades                   allowUpgrades: false
//   --cookie name                   cookie: {name} with its defaults
//   --cors origin                   cors: {origin, credentials: true}
//   --admin-ui mode[-readonly]      instrument(io, ...) of @socket.io/admin-ui: the namespace
//                                   /admin-ui for admin, changeit
//   --headers                       initial_headers adds "x-initial: yes", headers "x-each: yes"
//   --per-message-deflate           perMessageDeflate: true
//   --cleanup                       cleanupEmptyChildNamespaces: true
//   SIGTERM closes the server, and ends the program with 0 once all connections are gone; a second
//   one ends it at once.
//
// allowRequest: a request with ?refuse=<text> is refused with that text (error 4).
//
// Namespaces; all serve the same events:
//   /              no middleware
//   /admin         middleware: auth.token must be "secret", else the error "not authorized" with
//                  the data {code: "E_AUTH"}; sets data.user = "admin"
//   /room-<n>      dynamic, by the pattern ^/room-\d+$; the middleware of the parent refuses
//                  /room-13 with the error "unlucky" (without data)
//   others         do not exist ("Invalid namespace")
//
// On a connection the server emits "hello" (recovered: bool) to the socket.
//
// "room" below is a room, a list of rooms, or null for everyone in the namespace. "-> x, y" is an
// ack with these arguments, sent at once unless said otherwise; if the client asked for no ack,
// no ack is sent. Lists of rooms and of ids are sorted by their bytes.
//
// Event (arguments)               Effect and ack
//   echo (...args)                -> ...args
//   echo-event (...args)          emits "echo-event" (...args) to the sender; no ack
//   message (...args)             socket.send(...args): "message" to the sender; no ack
//   broadcast (room, name, ...args)  to(room).emit(name, ...args), the sender too; then ->
//   broadcast-except (room, except, name, ...args)  to(room).except(except).emit(...); then ->
//   broadcast-local (room, name, ...args)           local.to(room).emit(...); then ->
//   to-others (room, name, ...args)  the socket's to(room) or broadcast: all but the sender; ->
//   join (room or list)           -> rooms of the socket
//   leave (one room)              -> rooms of the socket
//   rooms ()                      -> rooms of the socket (its own id is one)
//   ask-me (ms, ...args)          emits "question" (...args) to the sender, with an ack within
//                                 ms; later -> error, answer: null and the list of the ack's
//                                 arguments, or "operation has timed out" and []
//   ask-all (room, ms, ...args)   the same as a broadcast; later -> error, answers: one for each
//                                 client that answered, in any order (the first argument of its
//                                 ack); error null or "operation has timed out"
//   ask-others (room, ms, ...args)  the same, to all but the sender
//   binary-sum (...args)          -> count of the binaries anywhere in args, sum of their bytes
//   binary-make (count, size)     -> {parts: [b0, b1, ...], count}: bi is size bytes of value i
//   describe (text)               -> list of the code points of text
//   greeting ()                   emits "greeting" (greeting); then -> greeting, the constant of
//                                 text.mjs
//   big (n)                       -> a text of n times "x"
//   volatile-burst (n)            volatile "volatile" (i) for i = 0 to n - 1; "volatile-end" (n)
//   compress (flag, name, ...args)  socket.compress(flag).emit(name, ...args)
//   emit-many (n)                 emits "tick" (i) for i = 1 to n, then ->
//   disconnect-me (close)         emits "bye", then disconnect(close)
//   fetch-sockets (room)          -> list of {id, rooms, data}, sorted by id
//   set-data (key, value)         data[key] = value; ->
//   sockets-join (room, joined)   in(room).socketsJoin(joined); ->
//   sockets-leave (room, left)    in(room).socketsLeave(left); ->
//   sockets-disconnect (room, close)  ->; then in(room).disconnectSockets(close)
//   forbidden (...)               refused by the socket's middleware with the error
//                                 "forbidden event"; its "error" listener emits "refused"
//                                 (message); no handler, no ack
//   catch-all ()                  -> incoming, outgoing: the names that onAny and onAnyOutgoing
//                                 saw on this socket ("hello" is not in outgoing, "catch-all" is
//                                 the last of incoming)
//   adapter-log ()                -> list of what the adapter of "/" said about rooms whose name
//                                 begins with "log-": "create-room log-x", "join-room log-x <id>",
//                                 "leave-room log-x <id>", "delete-room log-x"
//   namespaces ()                 -> list of the names that "new_namespace" said, in order, those
//                                 alone that begin with "/room-"
//   reasons ()                    -> list of {id, reason, rooms} of this namespace's sockets that
//                                 are gone, in order; rooms as they were at "disconnecting"
//   connections ()                -> engine.clientsCount
//   transport ()                  -> name of the transport now, protocol of Engine.IO (3 or 4)
//   handshake ()                  -> {query, auth, xdomain, secure, url, header}: header is that of
//                                 "x-test", or null
//   others                        nothing, no ack

import { createServer } from "node:http";
import { parseArgs } from "node:util";

import { instrument } from "@socket.io/admin-ui";
import { Server } from "socket.io";
import msgpack from "socket.io-msgpack-parser";

import { greeting } from "./text.mjs";

const { values: flags } = parseArgs({
  options: Object.fromEntries([
    ...[
      "port",
      "workers",
      "parser",
      "ping-interval",
      "ping-timeout",
      "connect-timeout",
      "upgrade-timeout",
      "max-http-buffer-size",
      "transports",
      "cookie",
      "cors",
      "admin-ui",
    ].map((name) => [name, { type: "string" }]),
    ...["recovery", "allow-eio3", "no-upgrades", "headers", "per-message-deflate", "cleanup"].map(
      (name) => [name, { type: "boolean", default: false }],
    ),
  ]),
});

const numbers = {
  pingInterval: "ping-interval",
  pingTimeout: "ping-timeout",
  connectTimeout: "connect-timeout",
  upgradeTimeout: "upgrade-timeout",
  maxHttpBufferSize: "max-http-buffer-size",
};
const options = {
  allowEIO3: flags["allow-eio3"],
  allowUpgrades: !flags["no-upgrades"],
  perMessageDeflate: flags["per-message-deflate"],
  cleanupEmptyChildNamespaces: flags.cleanup,
  allowRequest: (request, done) => {
    const refuse = new URL(request.url, "http://localhost").searchParams.get("refuse");
    done(refuse, refuse === null);
  },
};
for (const [option, flag] of Object.entries(numbers)) {
  if (flags[flag] !== undefined) options[option] = Number(flags[flag]);
}
if (flags.recovery) options.connectionStateRecovery = {};
if (flags.parser === "msgpack") options.parser = msgpack;
if (flags.transports) options.transports = flags.transports.split(",");
if (flags.cookie) options.cookie = { name: flags.cookie };
if (flags.cors) options.cors = { origin: flags.cors, credentials: true };

const http = createServer();
const io = new Server(http, options);
if (flags["admin-ui"]) {
  const [mode, readonly] = flags["admin-ui"].split("-");
  instrument(io, {
    namespaceName: "/admin-ui",
    auth: {
      type: "basic",
      username: "admin",
      password: "$2b$04$abcdefghijklmnopqrstuudwGrhhx5JklpO9.j/ckWDCf3exvs1/2",
    },
    serverId: "test-server",
    readonly: readonly === "readonly",
    mode,
  });
}

const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const roomsOf = (socket) => [...socket.rooms].sort(byBytes);
const to = (sender, room) => (room === null ? sender : sender.to(room));

function sumOf(value) {
  if (Buffer.isBuffer(value)) return [1, value.reduce((sum, byte) => sum + byte, 0)];
  if (value === null || typeof value !== "object") return [0, 0];
  return Object.values(value)
    .map(sumOf)
    .reduce(([count, sum], [more, bytes]) => [count + more, sum + bytes], [0, 0]);
}

const children = [];
io.on("new_namespace", (nsp) => {
  if (nsp.name.startsWith("/room-")) children.push(nsp.name);
});

const roomLog = [];
for (const event of ["create-room", "join-room", "leave-room", "delete-room"]) {
  io.of("/").adapter.on(event, (room, id) => {
    if (room.startsWith("log-")) roomLog.push([event, room, ...(id ? [id] : [])].join(" "));
  });
}

// Keyed by the namespace's name, since empty namespaces are removed with --cleanup.
const gone = new Map();
function goneOf(nsp) {
  if (!gone.has(nsp.name)) gone.set(nsp.name, []);
  return gone.get(nsp.name);
}

// Handlers get the arguments without the ack function, which is always passed separately.
function handlersOf(socket) {
  const nsp = socket.nsp;
  const answersTo = (done) => (error, answers) => done(error ? error.message : null, answers ?? []);
  return {
    echo: (done, ...args) => done(...args),
    "echo-event": (done, ...args) => socket.emit("echo-event", ...args),
    message: (done, ...args) => socket.send(...args),
    broadcast: (done, room, ...event) => {
      to(nsp, room).emit(...event);
      done();
    },
    "broadcast-except": (done, room, except, ...event) => {
      to(nsp, room)
        .except(except)
        .emit(...event);
      done();
    },
    "broadcast-local": (done, room, ...event) => {
      to(nsp.local, room).emit(...event);
      done();
    },
    "to-others": (done, room, ...event) => {
      to(socket.broadcast, room).emit(...event);
      done();
    },
    join: (done, rooms) => {
      socket.join(rooms);
      done(roomsOf(socket));
    },
    leave: (done, room) => {
      socket.leave(room);
      done(roomsOf(socket));
    },
    rooms: (done) => done(roomsOf(socket)),
    "ask-me": (done, ms, ...args) => {
      socket
        .timeout(ms)
        .emit("question", ...args, (error, ...answer) =>
          done(error ? error.message : null, error ? [] : answer),
        );
    },
    "ask-all": (done, room, ms, ...args) => {
      to(nsp, room)
        .timeout(ms)
        .emit("question", ...args, answersTo(done));
    },
    "ask-others": (done, room, ms, ...args) => {
      to(socket.broadcast, room)
        .timeout(ms)
        .emit("question", ...args, answersTo(done));
    },
    "binary-sum": (done, ...args) => done(...sumOf(args)),
    "binary-make": (done, count, size) => {
      done({ parts: Array.from({ length: count }, (_, i) => Buffer.alloc(size, i)), count });
    },
    describe: (done, text) => done([...text].map((character) => character.codePointAt(0))),
    greeting: (done) => {
      socket.emit("greeting", greeting);
      done(greeting);
    },
    big: (done, size) => done("x".repeat(size)),
    "volatile-burst": (done, count) => {
      for (let i = 0; i < count; i += 1) socket.volatile.emit("volatile", i);
      socket.emit("volatile-end", count);
    },
    compress: (done, flag, ...event) => socket.compress(flag).emit(...event),
    "emit-many": (done, count) => {
      for (let i = 1; i <= count; i += 1) socket.emit("tick", i);
      done();
    },
    "disconnect-me": (done, close) => {
      socket.emit("bye");
      socket.disconnect(close);
    },
    "fetch-sockets": async (done, room) => {
      const sockets = await (room === null ? nsp : nsp.in(room)).fetchSockets();
      done(
        sockets
          .map((one) => ({ id: one.id, rooms: roomsOf(one), data: one.data }))
          .sort((a, b) => byBytes(a.id, b.id)),
      );
    },
    "set-data": (done, key, value) => {
      socket.data[key] = value;
      done();
    },
    "sockets-join": (done, room, joined) => {
      to(nsp, room).socketsJoin(joined);
      done();
    },
    "sockets-leave": (done, room, left) => {
      to(nsp, room).socketsLeave(left);
      done();
    },
    "sockets-disconnect": (done, room, close) => {
      done();
      to(nsp, room).disconnectSockets(close);
    },
    "adapter-log": (done) => done(roomLog),
    namespaces: (done) => done(children),
    reasons: (done) => done(goneOf(nsp)),
    connections: (done) => done(io.engine.clientsCount),
    transport: (done) => done(socket.conn.transport.name, socket.conn.protocol),
    handshake: (done) => {
      const { query, auth, xdomain, secure, url, headers } = socket.handshake;
      done({ query, auth, xdomain, secure, url, header: headers["x-test"] ?? null });
    },
  };
}

function onConnection(socket) {
  socket.emit("hello", socket.recovered);
  const incoming = [];
  const outgoing = [];
  socket.onAny((name) => incoming.push(name));
  socket.onAnyOutgoing((name) => outgoing.push(name));
  socket.use(([name], next) =>
    next(name === "forbidden" ? new Error("forbidden event") : undefined),
  );
  socket.on("error", (error) => socket.emit("refused", error.message));
  socket.on("disconnecting", (reason) => {
    goneOf(socket.nsp).push({ id: socket.id, reason, rooms: roomsOf(socket) });
  });
  const handlers = handlersOf(socket);
  handlers["catch-all"] = (done) => done(incoming, outgoing);
  for (const [name, handler] of Object.entries(handlers)) {
    socket.on(name, (...args) => {
      const done = typeof args.at(-1) === "function" ? args.pop() : () => {};
      handler(done, ...args);
    });
  }
}

function refuse(message, data) {
  return Object.assign(new Error(message), data ? { data } : {});
}

io.on("connection", onConnection);
io.of("/admin")
  .use((socket, next) => {
    if (socket.handshake.auth.token !== "secret") {
      next(refuse("not authorized", { code: "E_AUTH" }));
      return;
    }
    socket.data.user = "admin";
    next();
  })
  .on("connection", onConnection);
io.of(/^\/room-\d+$/)
  .use((socket, next) => {
    next(socket.nsp.name === "/room-13" ? refuse("unlucky") : undefined);
  })
  .on("connection", onConnection);

if (flags.headers) {
  io.engine.on("initial_headers", (headers) => {
    headers["x-initial"] = "yes";
  });
  io.engine.on("headers", (headers) => {
    headers["x-each"] = "yes";
  });
}

process.once("SIGTERM", () => {
  process.on("SIGTERM", () => process.exit(0));
  io.close(() => process.exit(0));
});
http.listen(Number(flags.port ?? 0), "127.0.0.1", () => {
  console.log(`listening ${http.address().port}`);
});
