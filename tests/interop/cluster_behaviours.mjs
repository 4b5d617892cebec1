// What a server of a Socket.IO cluster does to the sockets of all servers: tables of calls, and
// which sockets each call means. They hold for every sender (a server of either kind, an emitter)
// and in every mode. The calls are those of cluster_server.cpp.
//
// Each of the four servers has a socket "a" in "/" and "b" in "/other" on one connection of client
// 4, and "c" in "/" of an older client. "2b" is that of the third server.

const named = (letter) => [0, 1, 2, 3].map((i) => `${i}${letter}`);
export const [a, b, c] = ["a", "b", "c"].map(named);
const main = [...a, ...c];

// Who is in which room of "/". Rooms of "/other" have the same names, and all of `b` in them.
export const rooms = {
  all: main,
  pair: ["0a", "1a"],
  mixed: ["1c", "2a", "2c", "3a"],
  odd: ["1a", "1c", "3a", "3c"],
  7: ["0a", "1c", "2c", "3a"],
};
export const room_names = Object.keys(rooms).map((name) => (name === "7" ? 7 : name));

const without = (list, ...others) => list.filter((label) => !others.flat().includes(label));
const both = (...lists) => [...new Set(lists.flat())];
// The sockets of one server in "/".
const of = (server) => [`${server}a`, `${server}c`];

// Of emits, questions to clients, and fetch: name, `what` of a sender, and the sockets that it
// means. `server`: the number of the sending server; emitters skip those that need one. `id` gives
// a socket's id.
export const targets = [
  ["all", () => ({}), () => main],
  ["a room", () => ({ rooms: ["pair"] }), () => rooms.pair],
  ["a room of everybody", () => ({ rooms: ["all"] }), () => main],
  ["several rooms", () => ({ rooms: ["pair", "mixed", "odd"] }), () => both(rooms.pair, rooms.mixed, rooms.odd)],
  ["a room except another", () => ({ rooms: ["all"], except: ["pair"] }), () => without(main, rooms.pair)],
  ["all except two rooms", () => ({ except: ["pair", "odd"] }), () => without(main, rooms.pair, rooms.odd)],
  ["a room except itself", () => ({ rooms: ["pair"], except: ["all"] }), () => []],
  ["one socket", (id) => ({ rooms: [id("3c")] }), () => ["3c"]],
  ["all except one socket", (id) => ({ except: [id("2a")] }), () => without(main, "2a")],
  ["a room whose name is a number", () => ({ rooms: [7] }), () => rooms[7]],
  ["all except such a room", () => ({ except: [7] }), () => without(main, rooms[7])],
  ["a room of nobody", () => ({ rooms: ["nowhere"] }), () => []],
  ["a room that was left", () => ({ rooms: ["left"] }), () => []],
  ["another namespace", () => ({ nsp: "/other" }), () => b],
  ["a room of the same name there", () => ({ nsp: "/other", rooms: ["pair"] }), () => b],
  ["one socket there", (id) => ({ nsp: "/other", rooms: [id("1b")] }), () => ["1b"]],
  ["uncompressed", () => ({ compress: false, rooms: ["odd"] }), () => rooms.odd],
];

export const of_servers = [
  ["local", () => ({ local: true }), (server) => of(server)],
  ["local, a room", () => ({ local: true, rooms: ["odd"] }), (server) => of(server).filter((one) => rooms.odd.includes(one))],
  ["local, another namespace", () => ({ local: true, nsp: "/other" }), (server) => [`${server}b`]],
  ["the others", () => ({ from: "socket" }), (server) => without(main, `${server}a`)],
  ["the others in a room", () => ({ from: "socket", rooms: ["pair", "mixed"] }),
    (server) => without(both(rooms.pair, rooms.mixed), `${server}a`)],
  ["the local others", () => ({ from: "socket", local: true }), (server) => [`${server}c`]],
];

// One after the other: the call, its target, the rooms, and who is in the room "moved" then. `x` is
// one more room.
export const moves = [
  ["join", () => ({ rooms: ["pair"] }), ["moved"], () => rooms.pair],
  ["leave", () => ({ except: ["odd"] }), ["moved"], () => ["1a"]],
  ["join", () => ({}), ["moved", "x"], () => main],
  ["leave", () => ({ rooms: ["odd", "pair"] }), ["moved", "x"], () => without(main, rooms.odd, rooms.pair)],
  ["leave", () => ({}), ["moved"], () => []],
  ["join", () => ({ rooms: ["mixed"], except: ["odd"] }), ["moved"], () => without(rooms.mixed, rooms.odd)],
  ["join", (id) => ({ rooms: [id("0c")] }), ["moved"], () => [...without(rooms.mixed, rooms.odd), "0c"]],
  ["leave", (id) => ({ rooms: [id("2c")] }), ["moved"], () => [...without(rooms.mixed, rooms.odd, "2c"), "0c"]],
  ["leave", () => ({ rooms: ["all"] }), ["moved", "x"], () => []],
];
export const moves_of_servers = [
  ["join", () => ({ local: true }), ["moved"], (server) => of(server)],
  ["join", () => ({ from: "socket", rooms: ["pair"] }), ["moved"],
    (server) => both(of(server), without(rooms.pair, `${server}a`))],
  ["leave", () => ({ local: true }), ["moved"], (server) => without(rooms.pair, of(server))],
  ["leave", () => ({}), ["moved"], () => []],
];

// What an event carries: without bytes, and with.
export const values = [
  [1, -1.5, "é \u2028", null, true, [], { deep: [{ a: 4294967296 }] }],
  [Buffer.from([0, 1, 255]), { in: [Buffer.alloc(0), "text"] }],
];
