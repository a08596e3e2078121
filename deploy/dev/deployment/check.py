"""The files of deploy/, looked at without Docker and without a cluster: `make deployment`.

The compose file is read by a strict parser of the Compose Specification, the Dockerfile by hadolint, the Kubernetes
manifests are put together and held against the schemas of two versions of Kubernetes and against what this project wants
of them. Every look has a control: the same file with a mistake in it must be refused.
"""

import copy
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib
import unittest

import compose_spec
import kubernetes_validate
import yaml

import kustomize

ROOT = pathlib.Path(sys.argv.pop()).resolve()
DEPLOY = ROOT / "deploy"
# The oldest that knows every field in use, and the newest with a schema at hand.
KUBERNETES = ["1.30", "1.37"]
FOLDERS = ["servers", "one-machine", "overlays/small", "overlays/night"]
# Kinds that Kubernetes itself has no schema for.
FOREIGN = {"PodMonitor"}


def built(name):
    return kustomize.build(DEPLOY / "kubernetes" / name)


def of_kind(manifests, *kinds):
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def pods(manifests):
    """The templates of pods, with the name of what makes them."""
    return [(m["metadata"]["name"], m["spec"]["template"]) for m in of_kind(manifests, "Deployment", "StatefulSet", "Job")]


def containers(template):
    return template["spec"].get("initContainers", []) + template["spec"]["containers"]


def settings():
    """The variables of all settings."""
    manual = tomllib.loads((ROOT / "config/default.toml").read_text())
    return {f"FRONTROW__{section}__{key}".upper() for section, keys in manual.items() for key in keys}


class Compose(unittest.TestCase):
    def read(self, text):
        # As Compose fills in what the environment gives it.
        filled = re.sub(r"\$\{[^}]*\}", lambda found: "127.0.0.1:8080" if "ADDRESS" in found[0] else "filled", text)
        filled = filled.replace('"127.0.0.1:8080:8080"', '"127.0.0.1:18080:8080"')
        compose_spec.PyCompose.from_yaml(json.dumps(yaml.safe_load(filled))).validate()

    def test_the_file_is_one_of_compose(self):
        text = (DEPLOY / "compose.yaml").read_text()
        self.read(text)
        for right, wrong in [
            ("stop_grace_period:", "stop_grace:"),
            ("condition: service_healthy", "condition: service_well"),
            ("read_only: true", "read_only: rarely"),
            ("networks: [sale]", "networks: [sail]"),
            ("retries: 60", "retries: often"),
        ]:
            self.assertIn(right, text)
            with self.assertRaises(ValueError, msg=wrong):
                self.read(text.replace(right, wrong))


class Image(unittest.TestCase):
    def lint(self, text):
        hadolint = pathlib.Path(sys.executable).parent / "hadolint"
        return subprocess.run([hadolint, "-"], input=text, text=True, capture_output=True, check=False)

    def test_the_dockerfile_has_no_faults(self):
        text = (DEPLOY / "Dockerfile").read_text()
        said = self.lint(text)
        self.assertEqual((said.returncode, said.stdout), (0, ""))
        for wrong in [text.replace('CMD ["serve"]', "CMD serve"), text + "\nRUN cd /tmp && sudo true\n", text + "\nFROM debian\n"]:
            self.assertNotEqual(self.lint(wrong).returncode, 0, wrong)


class Manifests(unittest.TestCase):
    def test_every_manifest_fits_its_schema(self):
        for folder in FOLDERS:
            for manifest in built(folder):
                if manifest["kind"] not in FOREIGN:
                    for version in KUBERNETES:
                        kubernetes_validate.validate(manifest, version, strict=True)

    def test_a_field_that_is_none_is_refused(self):
        deployment = of_kind(built("servers"), "Deployment")[0]
        for path, name in [(["spec"], "replica"), (["spec", "template", "spec", "containers", 0], "readinesProbe")]:
            wrong = copy.deepcopy(deployment)
            node = wrong
            for part in path:
                node = node[part]
            node[name] = 1
            with self.assertRaises(kubernetes_validate.ValidationError):
                kubernetes_validate.validate(wrong, KUBERNETES[0], strict=True)

    def test_pods_may_do_nothing_that_they_need_not(self):
        for folder in FOLDERS:
            made = built(folder)
            [namespace] = of_kind(made, "Namespace")
            self.assertEqual(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted")
            for name, template in pods(made):
                pod = template["spec"]
                self.assertFalse(pod["automountServiceAccountToken"], name)
                self.assertTrue(pod["securityContext"]["runAsNonRoot"], name)
                self.assertNotEqual(pod["securityContext"]["runAsUser"], 0, name)
                self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"}, name)
                for container in containers(template):
                    self.assertEqual(
                        container["securityContext"],
                        {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
                    )
                    self.assertIn("memory", container["resources"]["limits"])
                    self.assertLessEqual({"cpu", "memory"}, set(container["resources"]["requests"]))
                    self.assertRegex(container["image"], r"^registry\.example/frontrow:\d")

    def test_what_refers_to_something_finds_it(self):
        for folder in FOLDERS:
            made = built(folder)
            [(name, template)] = pods(made)
            labels = template["metadata"]["labels"]
            ports = {port["name"] for container in template["spec"]["containers"] for port in container["ports"]}
            selectors = [m["spec"]["selector"] for m in of_kind(made, "Service") if "selector" in m["spec"]]
            selectors += [m["spec"]["selector"]["matchLabels"] for m in of_kind(made, "Deployment", "StatefulSet", "PodDisruptionBudget", "PodMonitor")]
            selectors += [m["spec"]["podSelector"]["matchLabels"] for m in of_kind(made, "NetworkPolicy")]
            selectors += [c["labelSelector"]["matchLabels"] for c in template["spec"].get("topologySpreadConstraints", [])]
            self.assertGreaterEqual(len(selectors), 3)
            for selector in selectors:
                self.assertLessEqual(selector.items(), labels.items(), f"{folder}: {selector}")
            services = {m["metadata"]["name"]: m["spec"] for m in of_kind(made, "Service")}
            for path in of_kind(made, "Ingress")[0]["spec"]["rules"][0]["http"]["paths"]:
                self.assertIn(path["backend"]["service"]["name"], services)
            self.assertNotIn("selector", services["nowhere"], "what is not for outside goes nowhere")
            self.assertIn(services["frontrow"]["ports"][0]["targetPort"], ports)
            for scaler in of_kind(made, "HorizontalPodAutoscaler"):
                self.assertEqual(scaler["spec"]["scaleTargetRef"]["name"], name)
                self.assertLessEqual(2, scaler["spec"]["minReplicas"])
                self.assertLessEqual(scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"])
            maps = {m["metadata"]["name"] for m in of_kind(made, "ConfigMap")}
            volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
            claims = {c["metadata"]["name"] for m in of_kind(made, "StatefulSet") for c in m["spec"]["volumeClaimTemplates"]}
            self.assertEqual({v["configMap"]["name"] for v in volumes.values() if "configMap" in v}, maps)
            for container in containers(template):
                for mount in container["volumeMounts"]:
                    self.assertIn(mount["name"], set(volumes) | claims)

    def test_variables_are_settings_and_secrets_are_described(self):
        known = settings()
        page = (DEPLOY / "kubernetes/README.md").read_text()
        for folder in FOLDERS:
            for name, template in pods(built(folder)):
                for container in containers(template):
                    for variable in container["env"]:
                        self.assertIn(variable["name"], known, name)
                        reference = variable["valueFrom"]["secretKeyRef"]
                        self.assertIn(f"--from-literal={reference['key']}=", page)
                for volume in template["spec"]["volumes"]:
                    if "secret" in volume:
                        self.assertIn(f"secret generic {volume['secret']['secretName']} ", page)

    def test_health_is_asked_where_the_server_answers(self):
        health = (ROOT / "crates/http/src/health.rs").read_text()
        for folder in FOLDERS:
            for _, template in pods(built(folder)):
                for container in template["spec"]["containers"]:
                    for probe in ["startupProbe", "livenessProbe", "readinessProbe"]:
                        self.assertIn(f'path = "{container[probe]["httpGet"]["path"]}"', health)
                    # A store that is away must not have servers started again.
                    self.assertEqual(container["livenessProbe"]["httpGet"]["path"], "/health/live")
                    self.assertEqual(container["readinessProbe"]["httpGet"]["path"], "/health/ready")

    def test_a_stop_has_the_time_that_it_takes(self):
        default = tomllib.loads((ROOT / "config/default.toml").read_text())["http"]["shutdown_seconds"]
        for folder in FOLDERS:
            made = built(folder)
            for name, template in pods(made):
                [container] = template["spec"]["containers"]
                before = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
                texts = [map.get("data", {}).get("frontrow.toml", "") for map in made if map["kind"] == "ConfigMap"]
                drained = max((tomllib.loads(text).get("http", {}).get("drain_seconds", 0) for text in texts), default=0)
                grace = template["spec"]["terminationGracePeriodSeconds"]
                self.assertGreater(grace, before + drained + default, name)

    def test_kubectl_puts_the_same_together(self):
        kubectl = shutil.which("kubectl")
        help_text = kubectl and subprocess.run([kubectl, "kustomize", "--help"], capture_output=True, text=True, check=False).stdout
        if "enable-helm" not in (help_text or ""):
            print("no kubectl of this decade here: manifests were put together by kustomize.py alone", file=sys.stderr)
            return
        for folder in FOLDERS:
            said = subprocess.run([kubectl, "kustomize", DEPLOY / "kubernetes" / folder], capture_output=True, text=True, check=True)
            # It adds a digest to the names of maps, wherever they are named.
            text = re.sub(r"(frontrow-settings)-[a-z0-9]{10}\b", r"\1", said.stdout)
            key = lambda manifest: (manifest["kind"], manifest["metadata"]["name"])
            theirs = sorted((document for document in yaml.safe_load_all(text)), key=key)
            self.assertEqual(theirs, sorted(built(folder), key=key), folder)


if __name__ == "__main__":
    unittest.main(verbosity=1)
