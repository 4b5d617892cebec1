// docs/openapi.yaml for tests: its operations, and the check of a real answer against them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";

import Ajv2020 from "ajv/dist/2020.js";
import { parse } from "yaml";

import { repository } from "./server.mjs";

export const description = parse(readFileSync(path.join(repository, "docs/openapi.yaml"), "utf8"), { maxAliasCount: -1 });

const resolve = (value) => value.$ref
  ? value.$ref.slice(2).split("/").reduce((found, name) => found[name], description) : value;

// "POST /api/publish 200" and its response, for each status that the file has.
export const documented = new Map(Object.entries(description.paths).flatMap(([target, methods]) =>
  Object.entries(methods).flatMap(([method, { responses }]) => Object.entries(responses).map(([status, response]) =>
    [`${method.toUpperCase()} ${target} ${status}`, resolve(response)]))));

const ajv = new Ajv2020.default({ strict: true, strictRequired: false, strictTypes: false, formats: {} });
ajv.addVocabulary(["components"]);
ajv.addSchema({ $id: "starling:/", components: description.components });

// The file's references, of a schema that stands alone.
const absolute = (schema) => JSON.parse(JSON.stringify(schema), (name, value) =>
  name === "$ref" ? `starling:/${value}` : value);

const compiled = new Map();
function validator(schema) {
  const text = JSON.stringify(schema);
  if (!compiled.has(text)) compiled.set(text, ajv.compile(absolute(schema)));
  return compiled.get(text);
}

function validate(schema, value, what) {
  const check = validator(schema);
  assert.ok(check(value), `${what}: ${ajv.errorsText(check.errors)}: ${JSON.stringify(value).slice(0, 300)}`);
}

export const valid = (schema, value) => validator(schema)(value);

// Whether the body of a request is one that the file allows; undefined: the operation has no body.
export function allows(method, target, body) {
  const schema = description.paths[target][method.toLowerCase()].requestBody?.content["application/json"].schema;
  return schema && valid(schema, body);
}

// Fails unless the file has this answer: its status, its content type, its body, its header fields.
export function check(method, target, { status, headers, text }) {
  const key = `${method} ${target} ${status}`;
  const response = documented.get(key);
  assert.ok(response, `the file lacks ${key}: ${text}`);
  const type = (headers["content-type"] ?? "").split(";")[0];
  const content = response.content[type];
  assert.ok(content, `${key}: the file lacks the type ${type}`);
  if (type === "application/json") validate(content.schema, JSON.parse(text), key);
  for (const name of Object.keys(response.headers ?? {}))
    assert.ok(headers[name.toLowerCase()], `${key}: the answer lacks ${name}`);
  return key;
}
