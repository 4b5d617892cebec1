// bench/topics_server.mjs: Node's counterpart of bench/starling_topics.cpp, from tests/node_modules.
// `node topics_server.mjs PORT ws` keeps topics as applications on `ws` do, a Map from a name to a Set of
// sockets, and for each socket the Set of its names, so that a closed socket can leave. `node
// topics_server.mjs PORT socketio` has the rooms of `socket.io`.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../tests/package.json', import.meta.url));
const PICKED_MAX = 1_000;
const STRIDE = 7_919; // A prime: the picked topics are far from each other.
const MEASURED_US = 50_000; // Of both together.
const ROUNDS_MIN = 5;

class Crowd {
  #members = [];
  #topics = 0;
  #next = 0;

  constructor(join, leave) {
    this.join = join;
    this.leave = leave;
  }

  add(member) {
    this.#members.push(member);
  }

  #owner(index) {
    return this.#members[index % this.#members.length];
  }

  #pick() {
    const picked = [];
    for (let left = Math.min(this.#topics, PICKED_MAX); left > 0; left -= 1) {
      this.#next = (this.#next + STRIDE) % this.#topics;
      picked.push([this.#owner(this.#next), `topic-${this.#next}`]);
    }
    return picked;
  }

  measure(wanted) {
    for (; this.#topics < wanted; this.#topics += 1) {
      this.join(this.#owner(this.#topics), `topic-${this.#topics}`);
    }
    const us = [0, 0];
    let count = 0;
    for (let round = 0; round < ROUNDS_MIN || us[0] + us[1] < MEASURED_US; round += 1) {
      const picked = this.#pick();
      const start = process.cpuUsage();
      for (const [member, topic] of picked) this.leave(member, topic);
      const left = process.cpuUsage(start);
      for (const [member, topic] of picked) this.join(member, topic);
      const both = process.cpuUsage(start);
      us[1] += left.user + left.system;
      us[0] += both.user + both.system - left.user - left.system;
      count += picked.length;
    }
    return us.map((each) => Math.round((each * 1000) / count)).join(' ');
  }
}

function serveWs(server) {
  const { WebSocketServer } = require('ws');
  const topics = new Map();
  const names = new WeakMap();
  const crowd = new Crowd(
    (socket, topic) => {
      let members = topics.get(topic);
      if (!members) topics.set(topic, (members = new Set()));
      members.add(socket);
      names.get(socket).add(topic);
    },
    (socket, topic) => {
      const members = topics.get(topic);
      if (members?.delete(socket) && members.size === 0) topics.delete(topic);
      names.get(socket).delete(topic);
    },
  );
  new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) => {
    names.set(socket, new Set());
    crowd.add(socket);
    socket.on('message', (data) => socket.send(crowd.measure(Number(data))));
  });
}

function serveSocketIo(server) {
  const { Server } = require('socket.io');
  const crowd = new Crowd((socket, room) => socket.join(room), (socket, room) => socket.leave(room));
  // The clients listen only to the answers.
  new Server(server, { pingInterval: 3_600_000 }).on('connection', (socket) => {
    crowd.add(socket);
    socket.on('measure', (count, ack) => ack(crowd.measure(Number(count))));
  });
}

const server = createServer();
const [port = 9005, kind = 'ws'] = process.argv.slice(2);
(kind === 'ws' ? serveWs : serveSocketIo)(server);
server.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 });
