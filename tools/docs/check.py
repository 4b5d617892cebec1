"""Checks a built site: each link of each page leads to a file and to a mark that are there, and nothing comes from
another host: no script, style, font or image."""
import os
import posixpath
import re
import urllib.parse
from html.parser import HTMLParser

LOADS = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src"),
         ("audio", "src"), ("object", "data"), ("embed", "src"), ("img", "srcset"), ("use", "href")}
LOADED_LINKS = {"stylesheet", "icon", "preload", "preconnect", "prefetch", "dns-prefetch", "manifest", "shortcut"}
PICTURE_LINK = re.compile(r"href\s*=\s*[\"']([^#\"'][^\"']*)")  # "#name" is a part of the same file.
STYLE_URL = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.inline: list[str] = []  # What a policy without 'unsafe-inline' would forbid.
        self._script: list[str] | None = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids |= {found[key] for key in ("id", "name") if found.get(key)}
        for key, value in attrs:
            if value is None:
                continue
            if (tag, key) in LOADS or (tag == "link" and key == "href" and
                                       LOADED_LINKS & set((found.get("rel") or "").split())):
                self.loads.append(value)
            elif tag in ("a", "area", "link") and key == "href":
                self.links.append(value)
            elif key.startswith("on") or key == "style":
                self.inline.append(f"{tag} {key}")
        if tag == "script" and "src" not in found and found.get("type") in (None, "text/javascript", "module"):
            self.inline.append("script")
        if tag == "style":
            self.inline.append("style")


def away(target: str) -> bool:
    parts = urllib.parse.urlsplit(target)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


def read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read()


def file_names(root: str) -> set[str]:
    return {os.path.relpath(os.path.join(folder, name), root)
            for folder, _, names in os.walk(root) for name in names}


def resolve(name: str, target: str, files: set[str]) -> str:
    """The file that `target` means on the page `name`; empty: none."""
    path = urllib.parse.unquote(urllib.parse.urlsplit(target).path)
    if not path:
        return name
    found = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
    for candidate in (found, posixpath.join(found, "index.html") if found != "." else "index.html"):
        if candidate in files:
            return candidate
    return ""


def check_page(name: str, page: Page, pages: dict[str, Page], files: set[str]) -> list[str]:
    faults = [f"{name}: inside the page: {what}" for what in page.inline]
    for target in page.loads + page.links:
        if away(target):
            if target in page.loads:
                faults.append(f"{name}: loads from elsewhere: {target}")
            continue
        if target.startswith("data:"):
            continue
        found = resolve(name, target, files)
        mark = urllib.parse.unquote(urllib.parse.urlsplit(target).fragment)
        if not found:
            faults.append(f"{name}: no such file: {target}")
        elif mark and found in pages and mark not in pages[found].ids and mark != "__skip":
            faults.append(f"{name}: no such heading: {target}")
    return faults


def check_style(name: str, text: str, files: set[str]) -> list[str]:
    faults = []
    for match in STYLE_URL.finditer(text):
        target = match.group(1) or match.group(2)
        if target.startswith(("data:", "#")):
            continue
        if away(target):
            faults.append(f"{name}: loads from elsewhere: {target}")
        elif not resolve(name, target, files):
            faults.append(f"{name}: no such file: {target}")
    return faults


def check_picture(name: str, text: str, files: set[str]) -> list[str]:
    """A page shows an SVG file without what the file would load, and must not run its scripts where it is opened."""
    faults = [f"{name}: inside the picture: script"] if "<script" in text else []
    faults += [f"{name}: loads from elsewhere: {target}" for target in PICTURE_LINK.findall(text)]
    return faults + check_style(name, text, files)


def check_site(root: str) -> list[str]:
    """All faults of the site in `root`."""
    files = file_names(root)
    pages = {name: Page(read(os.path.join(root, name))) for name in sorted(files) if name.endswith(".html")}
    faults = [] if "index.html" in files else ["index.html is missing"]
    for name, page in pages.items():
        faults += check_page(name, page, pages, files)
    for name in sorted(files):
        if name.endswith(".css"):
            faults += check_style(name, read(os.path.join(root, name)), files)
        if name.endswith(".svg"):
            faults += check_picture(name, read(os.path.join(root, name)), files)
    return faults
