#!/usr/bin/python3
"""Builds the documentation as a site: ./dev docs. What it needs: setup/install docs.

tools/docs/build.py [OUTPUT]: writes the site to OUTPUT (build/docs). A broken link, a page in no group of site.yml,
and anything that a page would load from elsewhere are errors: they are printed, and the old site stays.
"""
import json
import os
import shutil
import subprocess
import sys

import yaml

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import api_page  # noqa: E402
import api_reference  # noqa: E402
import check  # noqa: E402
import config_page  # noqa: E402
import stage  # noqa: E402
import texts  # noqa: E402

GENERATED = ["http-api.md", "configuration-keys.md", "cpp-api.md"]  # Pages that are in no file of docs/.
NAMES = {"en": "starling", "zh": "starling 文档"}
# Between the words of the search: blanks, what hooks.py puts between Chinese characters, punctuation but for the dot of a name (`io.to`).
SEPARATOR = r"""[\s\-\u200b\u3001-\u3011\uff00-\uff1f,:;!?=()\[\]{}<>"'`/|&*+#$]+"""
PERMALINKS = {"en": "Link to this heading", "zh": "本节链接"}


def groups() -> tuple[list[tuple[str, str, list[str]]], str]:
    """(English name, Chinese name, pages) of each group, and the file of the changelog."""
    with open(os.path.join(HERE, "site.yml"), encoding="utf-8") as stream:
        site = yaml.safe_load(stream)
    found = [(name, pages[0], pages[1:]) for group in site["groups"] for name, pages in group.items()]
    return found, site["changelog"]


def missing_pages(guides: list[str], listed: list[str]) -> list[str]:
    """Faults of site.yml: `guides` are the files of docs/, `listed` the pages of the groups."""
    faults = [f"tools/docs/site.yml: docs/{name} is in no group" for name in guides if name not in listed]
    faults += [f"tools/docs/site.yml: there is no docs/{name}" for name in listed if name not in guides]
    return faults + [f"tools/docs/site.yml: {name} is there twice" for name in sorted(set(listed))
                     if listed.count(name) > 1]


def navigation(language: str) -> list:
    found, changelog = groups()
    nav = [{chinese if language == "zh" else english: pages} for english, chinese, pages in found]
    return nav + [{"变更" if language == "zh" else "Changes": f"source/{changelog}.md"}]


def configuration(language: str, folder: str, output: str, english_only: list[str]) -> dict:
    return {
        "site_name": NAMES[language],
        "docs_dir": folder,
        "site_dir": output,
        "use_directory_urls": False,
        "theme": {"name": "material", "custom_dir": os.path.join(HERE, "theme"), "font": False,
                  "language": language, "favicon": "assets/favicon.svg", "logo": "assets/favicon.svg",
                  "features": ["navigation.sections", "navigation.top", "search.highlight"]},
        "extra_css": ["assets/site.css"],
        "extra": {"language": language, "generator": False, "english_only": english_only,
                  "homepage": "./index.html"},
        "hooks": [os.path.join(HERE, "hooks.py")],
        "plugins": [{"search": {"lang": "en", "separator": SEPARATOR}}],
        "markdown_extensions": [{"tables": {"use_align_attribute": True}}, "sane_lists", "attr_list",
                                {"toc": {"permalink": True, "permalink_title": PERMALINKS[language]}},
                                {"pymdownx.superfences": {}}, {"pymdownx.highlight": {"use_pygments": True}}],
        "nav": navigation(language),
    }


def generate(staged: stage.Stage) -> None:
    """Writes the pages that are made from other files."""
    description = stage.read(staged, "docs/openapi.yaml")
    stage.write(staged, "openapi.yaml", description)
    say = texts.of(staged.language)
    stage.write(staged, "http-api.md", api_page.page(description, say))
    guide = texts.meanings(stage.read(staged, "docs/configuration.zh.md")) if staged.language == "zh" else {}
    keys = config_page.page(stage.read(staged, "packaging/starling.schema.json"), say, guide)
    stage.add(staged, "docs/configuration-keys.md", keys)
    prefix = stage.OTHER + ("../api/" if staged.language == "zh" else "api/")
    stage.write(staged, "cpp-api.md", api_reference.page(ROOT, prefix, say))


def build_language(language: str, work: str, output: str) -> list[str]:
    """Stages and renders one language; returns the faults."""
    staged = stage.Stage(ROOT, os.path.join(work, language), language, stage.repository_files(ROOT))
    _, changelog = groups()
    stage.fill(staged, [changelog])
    generate(staged)
    os.makedirs(os.path.join(staged.folder, "assets"), exist_ok=True)
    shutil.copyfile(os.path.join(ROOT, "web", "favicon.svg"),
                    os.path.join(staged.folder, "assets", "favicon.svg"))
    if staged.broken:
        return sorted(set(staged.broken))
    path = os.path.join(work, f"{language}.yml")
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(configuration(language, staged.folder, output, staged.english_only), stream)
    # Python of the system: MkDocs is a package of it.
    done = subprocess.run(["mkdocs", "build", "--strict", "--config-file", path],
                          capture_output=True, text=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "WARNING" in line or "ERROR" in line]
    return said or [f"mkdocs ended with {done.returncode}"] if done.returncode else []


def replace(output: str, site: str) -> None:
    """Puts what is in `site` into `output`, which stays the same folder: a server that has it open serves the new pages."""
    os.makedirs(output, exist_ok=True)
    for entry in os.scandir(output):
        shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.remove(entry.path)
    for name in os.listdir(site):
        os.rename(os.path.join(site, name), os.path.join(output, name))


def build(output: str) -> list[str]:
    work = output + ".work"
    shutil.rmtree(work, ignore_errors=True)
    site = os.path.join(work, "site")
    listed = [page for _, _, pages in groups()[0] for page in pages]
    guides = sorted(name for name in os.listdir(os.path.join(ROOT, "docs"))
                    if name.endswith(".md") and not name.endswith(".zh.md"))
    faults = missing_pages(guides + GENERATED, listed)
    for language, folder in (("en", site), ("zh", os.path.join(site, "zh"))):
        faults = faults or build_language(language, work, folder)
    faults = faults or api_reference.build(ROOT, os.path.join(site, "api"))
    faults = faults or check.check_site(site)
    if not faults:
        replace(output, site)
        shutil.rmtree(work)
    return faults


def main(arguments: list[str]) -> int:
    output = os.path.abspath(arguments[0] if arguments else os.path.join(ROOT, "build", "docs"))
    faults = build(output)
    for fault in faults:
        print(f"docs: {fault}", file=sys.stderr)
    if faults:
        return 1
    count = sum(name.endswith(".html") for name in check.file_names(output))
    print(f"docs: {count} pages in {os.path.relpath(output)}; open {os.path.relpath(output)}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
