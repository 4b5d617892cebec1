// Load balancers in front of the nodes of a cluster: Debian's haproxy and nginx. docs/cluster.md shows the
// same configurations.

import { start } from "./proxies.mjs";

const haproxy = (ports, sticky) => (port, folder) => ({
  args: ["-db", "-f", `${folder}/proxy.conf`],
  text: `global
  maxconn 200
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
frontend in
  bind 127.0.0.1:${port}
  default_backend nodes
backend nodes
  balance roundrobin
  option redispatch
  retries 2
  ${sticky ? "cookie node insert indirect nocache httponly" : ""}
${ports.map((to, i) => `  server node${i + 1} 127.0.0.1:${to} check inter 200ms cookie node${i + 1}`).join("\n")}\n`,
});

const nginx = (ports, { upstream = "", http = "", location }) => (port, folder) => ({
  args: ["-p", folder, "-e", `${folder}/error.log`, "-c", `${folder}/proxy.conf`],
  text: `daemon off; master_process off; pid ${folder}/pid; worker_processes 1;
    events { worker_connections 200; }
    http {
      access_log off;
      client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
      fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
      upstream nodes { ${upstream} ${ports.map((to) => `server 127.0.0.1:${to};`).join(" ")} }
      map $http_upgrade $to_node { default upgrade; "" ""; }
      ${http}
      server {
        listen 127.0.0.1:${port};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $to_node;
        ${location}
      }
    }\n`,
});

// A cookie has the address of the node, which only one of the nodes may be.
const byCookie = (ports) => ({
  http: `map $cookie_node $node {
        default nodes;
        ${ports.map((to) => `127.0.0.1:${to} 127.0.0.1:${to};`).join("\n        ")}
      }`,
  location: `location / {
          proxy_pass http://$node;
          add_header Set-Cookie "node=$upstream_addr; Path=/; HttpOnly" always;
          error_page 502 504 = @another;
        }
        location @another {
          proxy_pass http://nodes;
          add_header Set-Cookie "node=$upstream_addr; Path=/; HttpOnly" always;
        }`,
});

const kinds = {
  "haproxy, no stickiness": (ports) => ["haproxy", haproxy(ports, false)],
  "haproxy, by a cookie": (ports) => ["haproxy", haproxy(ports, true)],
  "nginx, by a cookie": (ports) => ["nginx", nginx(ports, byCookie(ports))],
  "nginx, by the address": (ports) => ["nginx", nginx(ports, {
    upstream: "hash $remote_addr consistent;",
    location: "location / { proxy_pass http://nodes; }",
  })],
};

export function balancer(kind, ports) {
  const [name, configure] = kinds[kind](ports);
  return start(name, configure,
    (port) => fetch(`http://127.0.0.1:${port}/`).then(({ status }) => status < 500, () => false));
}
