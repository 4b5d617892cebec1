"""What MkDocs does besides: the language switch, headings named as on GitHub, no script inside a page."""
import hashlib
import html
import json
import os
import posixpath
import re

from pymdownx import slugs

INLINE = re.compile(r"<script(?: type=\"text/javascript\")?>(.*?)</script>", re.S)
HAN = re.compile(r"(?<=[\u3400-\u9fff])(?=\w)|(?<=\w)(?=[\u3400-\u9fff])")
OTHER = "other-language:"  # As in stage.py.
NAMES = {"en": "English", "zh": "中文"}
# The theme's way with Chinese is Japanese segmentation, and drops characters; see on_post_build.
SEARCH_LANGUAGE = re.compile(r'("search\.config\.lang": )"[^"]*"')
SEARCH_PIPELINE = re.compile(r'("search\.config\.pipeline": )"[^"]*"')
NO_CHINESE = '<div class="admonition note"><p>这一页还没有中文。</p></div>\n'


def on_config(config):
    config["mdx_configs"].setdefault("toc", {})["slugify"] = slugs.slugify(case="lower")
    return config


def on_page_context(context, page, config, nav):
    """Links the page to itself in the other language."""
    english = config["extra"]["language"] == "en"
    root = "../" * (page.url.count("/") + (0 if english else 1))  # The folder of the English pages.
    config["extra"]["alternate"] = [
        {"name": name, "lang": lang, "link": OTHER + root + ("zh/" if lang == "zh" else "") + page.url}
        for lang, name in NAMES.items()]
    return context


def on_page_content(content, page, config, files):
    if page.file.src_path in config["extra"]["english_only"]:
        return NO_CHINESE + content
    return content


def on_post_page(output, page, config):
    """Moves scripts into files, so that a policy may forbid scripts inside a page (CSP: default-src 'self')."""
    folder = posixpath.dirname(page.url)

    def move(match):
        text = html.unescape(match.group(1)) if "&" in match.group(1) else match.group(1)
        name = f"assets/page-{hashlib.sha256(text.encode()).hexdigest()[:12]}.js"
        path = os.path.join(config["site_dir"], name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
        return f'<script src="{posixpath.relpath(name, folder or ".")}"></script>'

    if config["extra"]["language"] == "zh":
        output = SEARCH_PIPELINE.sub(r'\1""', SEARCH_LANGUAGE.sub(r'\1"en"', output))
    return INLINE.sub(move, output).replace(f'href="{OTHER}', 'href="')


def on_post_build(config):
    """Makes each Chinese character a word of the search, since no space parts the words."""
    path = os.path.join(config["site_dir"], "search", "search_index.json")
    with open(path, encoding="utf-8") as stream:
        index = json.load(stream)
    for entry in index["docs"]:
        for key in ("text", "title"):
            entry[key] = HAN.sub("\u200b", entry[key].replace("\u00b6", ""))
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(index, stream, ensure_ascii=False, separators=(",", ":"))
    for name in ("404.html", "sitemap.xml", "sitemap.xml.gz"):  # They would link to a fixed place.
        path = os.path.join(config["site_dir"], name)
        if os.path.exists(path):
            os.remove(path)
