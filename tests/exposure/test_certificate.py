"""The certificate of st2web by cert-manager."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import MakeCluster, Objects, Synth

from constructs_st2.commands.secrets.listing import listing
from constructs_st2.errors import InvalidValues
from constructs_st2.kube.documents import Document
from constructs_st2.parts.secrets.generated import secret_manifests

NAME = "st2-st2web-tls"
INSIDE = [
    "st2-st2web",
    "st2-st2web.stackstorm",
    "st2-st2web.stackstorm.svc",
    "st2-st2web.stackstorm.svc.cluster.local",
]


def values(settings: dict[str, Any] | None = None, **others: Any) -> dict[str, Any]:
    manager = {"issuerRef": {"name": "authority"}, **(settings or {})}
    return {"st2web": {"tls": {"certManager": manager, **others.pop("tls", {})}, **others.pop("web", {})}, **others}


def spec_of(objects: Objects) -> Document:
    spec: Document = objects.named("Certificate", NAME)["spec"]
    return spec


class TestCertificate:
    """What is asked of cert-manager."""

    def test_it_makes_the_secret_that_st2web_mounts(self, synth: Synth) -> None:
        objects = synth(values())
        assert spec_of(objects)["secretName"] == NAME
        mounted = [volume["secret"]["secretName"] for volume in objects.pod("st2web")["volumes"] if "secret" in volume]
        assert NAME in mounted

    def test_each_renewal_has_a_new_key(self, synth: Synth) -> None:
        key = spec_of(synth(values()))["privateKey"]
        assert key == {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"}

    def test_browsers_take_it_for_that_of_a_server(self, synth: Synth) -> None:
        assert "server auth" in spec_of(synth(values()))["usages"]

    @pytest.mark.parametrize(
        ("settings", "hostname", "names"),
        [
            ({}, "", INSIDE),
            ({"dnsNames": ["a.example.org"]}, "", ["a.example.org", *INSIDE]),
            (
                {"dnsNames": ["a.example.org", "st2.example.org"], "serviceNames": False},
                "st2.example.org",
                ["st2.example.org", "a.example.org"],
            ),
        ],
    )
    def test_its_names(self, synth: Synth, settings: dict[str, Any], hostname: str, names: list[str]) -> None:
        objects = synth(values(settings, web={"service": {"hostname": hostname}}))
        assert spec_of(objects)["dnsNames"] == names

    @pytest.mark.parametrize(
        ("given", "reference"),
        [
            ({"name": "a"}, {"group": "cert-manager.io", "kind": "Issuer", "name": "a"}),
            (
                {"name": "a", "kind": "AWSPCAIssuer", "group": "awspca.cert-manager.io"},
                {"group": "awspca.cert-manager.io", "kind": "AWSPCAIssuer", "name": "a"},
            ),
        ],
    )
    def test_the_issuer(self, synth: Synth, given: dict[str, str], reference: dict[str, str]) -> None:
        assert spec_of(synth(values({"issuerRef": given})))["issuerRef"] == reference

    def test_how_long_it_is_good_for(self, synth: Synth) -> None:
        spec = spec_of(synth(values({"duration": "48h", "renewBefore": "24h"})))
        assert (spec["duration"], spec["renewBefore"]) == ("48h", "24h")

    def test_it_is_in_the_wave_of_the_pods_that_wait_for_it(self, synth: Synth) -> None:
        objects = synth(values())
        waves = {
            document["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"]
            for document in (objects.named("Certificate", NAME), objects.named("Deployment", "st2-st2web"))
        }
        assert len(waves) == 1

    def test_st2web_takes_a_renewed_one_without_a_restart(self, synth: Synth) -> None:
        objects = synth(values(secrets={"reloader": True}))
        assert "annotations" not in objects.named("Deployment", "st2-st2web")["metadata"] or NAME not in str(
            objects.named("Deployment", "st2-st2web")["metadata"]["annotations"]
        )
        command = objects.container("st2web")["command"]
        assert command[4:7] == ["sh", "/opt/constructs-st2/nginx.sh", "/etc/ssl/st2/st2.crt"]


class TestNobodyElseMakesIt:
    """Two makers of one Secret would undo each other's work."""

    def test_not_the_bootstrap_job(self, synth: Synth) -> None:
        objects = synth(values())
        plan = json.loads(objects.named("ConfigMap", "st2-secrets-bootstrap")["data"]["plan.json"])
        assert NAME not in {secret["name"] for secret in plan["secrets"]}
        rules = objects.named("Role", "st2-secrets-bootstrap")["rules"]
        assert all(NAME not in rule.get("resourceNames", []) for rule in rules)

    @pytest.mark.parametrize(
        ("secrets", "kind"),
        [({"mode": "external-secrets"}, "ExternalSecret"), ({"mode": "plain", "seed": "development"}, "Secret")],
    )
    def test_not_the_manifests(self, synth: Synth, secrets: dict[str, Any], kind: str) -> None:
        names = {document["metadata"]["name"] for document in synth(values(secrets=secrets)).of_kind(kind)}
        assert names
        assert NAME not in names

    def test_not_the_command_line(self, cluster: MakeCluster) -> None:
        assert NAME not in {secret["metadata"]["name"] for secret in secret_manifests(cluster(values()))}

    def test_the_list_of_secrets_has_it_all_the_same(self, cluster: MakeCluster) -> None:
        assert f"{NAME} (made by cert-manager): " in listing(cluster(values()), [])


class TestProblems:
    """What is refused."""

    KEY = r"^st2web\.tls\.certManager"

    @pytest.mark.parametrize(
        ("settings", "tls", "problem"),
        [
            ({}, {"enabled": False}, ": cannot be used with st2web.tls.enabled false; set that to true"),
            ({}, {"existingSecret": "mine"}, ": cannot be used together with st2web.tls.existingSecret; remove one"),
            ({"serviceNames": False}, {}, r"\.dnsNames: is empty; list a name"),
            ({"duration": "24h", "renewBefore": "24h"}, {}, r"\.renewBefore: must be less than the duration, 24h"),
        ],
    )
    def test_it_is_told(
        self, cluster: MakeCluster, settings: dict[str, Any], tls: dict[str, Any], problem: str
    ) -> None:
        with pytest.raises(InvalidValues, match=f"{self.KEY}{problem}"):
            cluster(values(settings, tls=tls))
