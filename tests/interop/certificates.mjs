// Self-signed certificates, made by the openssl command for one test run.

import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";

// Makes {cert, key, fingerprint} for the host `name`: the first two are files in `folder`.
export function certificate(folder, name, file = name) {
  const cert = path.join(folder, `${file}.crt`);
  const key = path.join(folder, `${file}.key`);
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt",
    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", `/CN=${name}`,
    "-addext", `subjectAltName=DNS:${name}`, "-keyout", key, "-out", cert], { stdio: "ignore" });
  return { cert, key, fingerprint: fingerprint(cert) };
}

export function fingerprint(file) {
  return new X509Certificate(readFileSync(file)).fingerprint256;
}
