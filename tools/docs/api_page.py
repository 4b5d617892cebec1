"""Makes the page of the HTTP APIs, Markdown, from docs/openapi.yaml."""
import json
import re

import yaml

INTRO = """# HTTP APIs

This page is made from [openapi.yaml](openapi.yaml), an OpenAPI 3.1 file for editors, generators and consoles. A test checks the
file against a running server: every route is in it, and every answer is as it says.
"""
KEYS = {"apiKey": "`X-Api-Key: KEY`", "bearer": "`Authorization: Bearer KEY`", "basic": "`Authorization: Basic` with the key as password"}


class Description:
    def __init__(self, text: str) -> None:
        self.root = yaml.safe_load(text)

    def resolve(self, value: dict) -> dict:
        if "$ref" not in value:
            return value
        found = self.root
        for name in value["$ref"][2:].split("/"):
            found = found[name]
        return found


def cell(text: str) -> str:
    return re.sub(r"\s+", " ", str(text)).strip().replace("|", "\\|")


def limits_of(schema: dict) -> str:
    """', 1 to 255 bytes' for the limits of a schema."""
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f", {low} to {high}"
    return f", at least {low}" if low is not None and low > 0 else ""


def type_of(schema: dict) -> str:
    """A few words, with a link to the section of a named schema."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#schema-{name.lower()})"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    for key in ("oneOf", "anyOf"):
        if key in schema and "type" not in schema:
            return " or ".join(type_of(one) for one in schema[key])
    if schema.get("type") == "array":
        return "list of " + (type_of(schema["items"]) if "items" in schema else "anything")
    if "default" in schema:
        return f"{schema['type']}{limits_of(schema)}; `{json.dumps(schema['default'])}` by default"
    return schema.get("type", "anything") + limits_of(schema)


def rows_of(schema: dict, prefix: str = "") -> list[str]:
    """A row for each field, those of objects inside too."""
    rows = []
    for name, one in schema.get("properties", {}).items():
        need = "yes" if name in schema.get("required", []) else ""
        rows.append(f"| `{prefix}{name}` | {cell(type_of(one))} | {need} | {cell(one.get('description', ''))} |\n")
        inner = one.get("items", one) if one.get("type") == "array" else one
        if inner.get("type") == "object":
            rows += rows_of(inner, f"{prefix}{name}{'[]' if inner is not one else ''}.")
    return rows


def fields(schema: dict) -> str:
    rows = rows_of(schema)
    return "| field | type | required | meaning |\n|---|---|---|---|\n" + "".join(rows) + "\n" if rows else ""


def parameters(description: Description, operation: dict) -> str:
    found = [description.resolve(one) for one in operation.get("parameters", [])]
    if not found:
        return ""
    lines = ["| parameter | in | type | meaning |\n|---|---|---|---|\n"]
    for one in found:
        need = " (required)" if one.get("required") else ""
        meaning = one.get("description") or description.resolve(one["schema"]).get("description", "")
        lines.append(f"| `{one['name']}`{need} | {one['in']} | {cell(type_of(one['schema']))} | {cell(meaning)} |\n")
    return "".join(lines) + "\n"


def body(operation: dict, method: str, path: str) -> str:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if not content:
        return ""
    text = f"Body: {type_of(content['schema'])}.\n\n" if "properties" not in content["schema"] else "Body:\n\n"
    text += fields(content["schema"])
    if "example" in content:
        text += f"```json\n{json.dumps(content['example'], ensure_ascii=False)}\n```\n\n"
    return text


def answers(description: Description, operation: dict) -> str:
    lines = ["| status | answer | |\n|---|---|---|\n"]
    for status, one in operation["responses"].items():
        one = description.resolve(one)
        kinds = ", ".join(type_of(content["schema"]) if kind == "application/json" else f"`{kind}`"
                          for kind, content in one["content"].items())
        headers = "".join(f"; with `{name}`" for name in one.get("headers", {}))
        lines.append(f"| {status} | {cell(one['description'])}{headers} | {cell(kinds)} |\n")
    return "".join(lines) + "\n"


def operation_section(description: Description, method: str, path: str, operation: dict) -> str:
    keys = [KEYS[name] for one in operation["security"] for name in one]
    return (f"### {method.upper()} {path} {{#{operation['operationId']}}}\n\n{operation['summary'].strip()}."
            + (" " + operation["description"].strip() if "description" in operation else "") + "\n\n"
            + (f"Key: {' or '.join(keys)}.\n\n" if keys else "Needs no key.\n\n")
            + parameters(description, operation) + body(operation, method, path)
            + answers(description, operation))


def schema_section(name: str, schema: dict) -> str:
    about = schema.get("description", "")
    text = f"### {name} {{#schema-{name.lower()}}}\n\n" + (about.strip().rstrip(".") + ".\n\n" if about else "")
    return text + (fields(schema) or f"{type_of(schema)}\n\n")


def page(text: str) -> str:
    """The page for the text of openapi.yaml."""
    description = Description(text)
    parts = [INTRO]
    for tag in description.root["tags"]:
        parts.append(f"\n## {tag['name'].capitalize()}\n\n{tag['description'].strip()}\n\n")
        for path, methods in description.root["paths"].items():
            parts += [operation_section(description, method, path, operation)
                      for method, operation in methods.items() if tag["name"] in operation["tags"]]
    parts.append("\n## Schemas\n\n")
    parts += [schema_section(name, schema) for name, schema in description.root["components"]["schemas"].items()]
    return "".join(parts)
