"""What `kubectl kustomize` makes of the folders of deploy/kubernetes, as far as they use it.

There is no kubectl in Debian that is new enough, so this puts the manifests together by itself: resources, components,
namespace, images, maps of files, and patches in the form of RFC 6902. Anything else in a kustomization is refused, so
that nothing is left out without notice. Where there is a kubectl, check.py compares.
"""

import copy
import pathlib

import yaml

KNOWN = {"apiVersion", "kind", "namespace", "resources", "components", "configMapGenerator", "images", "patches"}
# Kinds that belong to no namespace.
CLUSTER_WIDE = {"Namespace"}


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def build(folder):
    """All manifests of a folder, put together."""
    folder = pathlib.Path(folder)
    made, _ = collect(folder, [])
    return made


def collect(folder, before):
    settings = documents(folder / "kustomization.yaml")[0]
    unknown = set(settings) - KNOWN
    if unknown:
        raise ValueError(f"{folder}: kustomize.py knows nothing of {sorted(unknown)}")
    made = list(before)
    for name in settings.get("resources", []):
        path = folder / name
        made += collect(path, [])[0] if path.is_dir() else documents(path)
    for name in settings.get("components", []):
        made, _ = collect(folder / name, made)
    for generator in settings.get("configMapGenerator", []):
        made.append(config_map(folder, generator))
    for patch in settings.get("patches", []):
        apply(patch, made)
    for manifest in made:
        if "namespace" in settings and manifest["kind"] not in CLUSTER_WIDE:
            manifest["metadata"]["namespace"] = settings["namespace"]
        for image in settings.get("images", []):
            rename(image, manifest)
    return made, settings


def config_map(folder, generator):
    data = {name: (folder / name).read_text() for name in generator["files"]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"]}, "data": data}


def apply(patch, manifests):
    target = patch["target"]
    found = [m for m in manifests if m["kind"] == target["kind"] and m["metadata"]["name"] == target["name"]]
    if len(found) != 1:
        raise ValueError(f"{target} is there {len(found)} times")
    for step in yaml.safe_load(patch["patch"]):
        change(step, found[0])


def change(step, document):
    """One step of RFC 6902; what is replaced or removed has to be there."""
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
    for part in way:
        document = document[int(part) if isinstance(document, list) else part]
    last = int(last) if isinstance(document, list) else last
    document[last]  # A path that leads nowhere ends here.
    if step["op"] == "replace":
        document[last] = copy.deepcopy(step["value"])
    elif step["op"] == "remove":
        del document[last]
    else:
        raise ValueError(f"kustomize.py knows nothing of {step['op']}")


def rename(image, node):
    if isinstance(node, dict):
        if node.get("image") == image["name"]:
            node["image"] = f"{image['newName']}:{image['newTag']}"
        for value in node.values():
            rename(image, value)
    elif isinstance(node, list):
        for value in node:
            rename(image, value)
