"""What is wrong with an object is told by the file, line and key of the value that is to blame."""

from __future__ import annotations

from pathlib import Path

import pytest

from constructs_st2.construct.stackstorm import StackStorm
from constructs_st2.construct.writing import App
from constructs_st2.errors import UserError
from constructs_st2.values import load_values


def complaints(values: str, folder: Path, *sets: str) -> list[str]:
    path = folder / "values.yaml"
    path.write_text(values, encoding="utf-8")
    app = App(outdir=folder / "dist")
    StackStorm(app, "Default", values=load_values([path], list(sets)))
    with pytest.raises(UserError) as caught:
        app.synth()
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("values", "begin"),
    [
        pytest.param(
            "st2api:\n  tolerations:\n    - {key: a, operator: Exists, value: b}\n",
            "values.yaml:3: st2api.tolerations[0].value: must be empty with operator Exists (Deployment/st2-st2api)",
            id="a part that went in as it is",
        ),
        pytest.param(
            "st2api:\n  topologySpread:\n"
            "    - {maxSkew: 1, minDomains: 2, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}\n",
            "values.yaml:3: st2api.topologySpread[0].minDomains: can only be used with",
            id="a copy with something added",
        ),
        pytest.param(
            "st2api:\n  topologySpread:\n"
            "    - {maxSkew: 1, topologyKey: a, whenUnsatisfiable: ScheduleAnyway}\n"
            "    - {maxSkew: 2, topologyKey: a, whenUnsatisfiable: ScheduleAnyway}\n",
            "values.yaml:4: st2api.topologySpread[1]: there is another constraint for a with ScheduleAnyway",
            id="a copy of what others look like",
        ),
        pytest.param(
            "rabbitmq:\n  persistence:\n    accessModes: []\n",
            "values.yaml:3: rabbitmq.persistence.accessModes: is required",
            id="an empty list",
        ),
        pytest.param(
            "st2actionrunner:\n  pools:\n    - name: spot\n      hostAliases: [{ip: a, hostnames: [b]}]\n",
            "values.yaml:4: st2actionrunner.pools[0].hostAliases[0].ip: must be an address",
            id="a pool of runners",
        ),
        pytest.param(
            "st2actionrunner:\n  hostAliases: [{ip: a, hostnames: [b]}]\n  pools: [{name: spot}]\n",
            "values.yaml:2: st2actionrunner.hostAliases[0].ip: must be an address such as 10.0.0.1, not 'a' "
            "(Deployment/st2-st2actionrunner and 1 more)",
            id="what several share",
        ),
        pytest.param(
            "rabbitmq:\n  persistence:\n    storageClass: Fast_SSD\n",
            'values.yaml:3: rabbitmq.persistence.storageClass: "Fast_SSD" is no valid name',
            id="a text under another key",
        ),
        pytest.param(
            "st2web: {service: {type: NodePort, nodePort: 31000}}\n"
            "st2api: {service: {type: NodePort, nodePort: 31000}}\n",
            "values.yaml:1: st2web.service.nodePort: 31000 is already the port of Service/st2-st2api",
            id="a number that is there twice",
        ),
        pytest.param(
            "extraObjects:\n  - apiVersion: v1\n    kind: Service\n    metadata: {name: mine}\n"
            "    spec:\n      ports:\n        - port: 99999\n",
            "values.yaml:7: extraObjects[0].spec.ports[0].port: must be at most 65535, not 99999",
            id="an object of the user",
        ),
        pytest.param(
            "patches:\n  - target: {kind: Deployment, name: st2-st2api}\n    patch:\n"
            "      - op: add\n        path: /spec/template/spec/hostAliases\n"
            "        value: [{ip: a, hostnames: [b]}]\n",
            "values.yaml:6: patches[0].patch[0].value[0].ip: must be an address",
            id="a patch",
        ),
        pytest.param(
            "st2api:\n  sidecars:\n    - {name: st2api, image: b}\n",
            "values.yaml:3: st2api.sidecars[0]: two containers have this name; rename one",
            id="a name that is taken",
        ),
        pytest.param(
            "patches:\n  - target: {kind: PodDisruptionBudget, name: st2-st2api}\n    patch:\n"
            "      - {op: add, path: /metadata/labels/a, value: b}\n"
            "      - {op: add, path: /spec/minAvailable, value: 1}\n"
            "      - {op: add, path: /metadata/labels/c, value: d}\n",
            "values.yaml:5: patches[0].patch[1]: cannot be used together with minAvailable; remove one of them",
            id="what does not go with a patch",
        ),
        pytest.param(
            "st2web: {service: {type: ClusterIP}}\ndnsPolicy: None\n",
            "values.yaml:2: dnsPolicy: None needs dnsConfig.nameservers (Deployment/st2-st2actionrunner and ",
            id="what all pods lack",
        ),
        pytest.param(
            "st2web: {service: {type: ExternalName}}\n",
            "values.yaml:1: st2web.service.type: ExternalName needs externalName",
            id="what a Service lacks",
        ),
        pytest.param(
            "st2api:\n  sidecars:\n    - {name: a, image: b, lifecycle: {preStop: {sleep: {seconds: 4000}}}}\n",
            "values.yaml:3: st2api.sidecars[0].lifecycle.preStop.sleep.seconds: must be between 0 and",
            id="a hook that sleeps too long",
        ),
    ],
)
def test_the_value_is_told(tmp_path: Path, values: str, begin: str) -> None:
    (found,) = complaints(values, tmp_path)
    assert found.startswith(begin)


def test_a_value_of_the_command_line_is_told(tmp_path: Path) -> None:
    (found,) = complaints("", tmp_path, "mongodb.persistence.storageClass=A_B")
    assert found.startswith("--set mongodb.persistence.storageClass=A_B: mongodb.persistence.storageClass: ")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            "st2web: {service: {hostname: 10.0.0.1}}",
            "values.yaml:1: st2web.service.hostname: must be the name of a host, not the address 10.0.0.1",
        ),
        (
            "st2web: {tls: {certManager: {issuerRef: {name: a}, dnsNames: [a.example.org, 10.0.0.1]}}}",
            "values.yaml:1: st2web.tls.certManager.dnsNames[1]: must be the name of a host, not the address 10.0.0.1",
        ),
        (
            "namespace: {labels: {pod-security.kubernetes.io/enforce: baseline}}",
            'values.yaml:1: namespace.labels["pod-security.kubernetes.io/enforce"]: is what namespace.podSecurity '
            "says; set that, or set it to none and say it here",
        ),
    ],
)
def test_values_that_cannot_be_honoured(tmp_path: Path, values: str, expected: str) -> None:
    (path := tmp_path / "values.yaml").write_text(values, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        StackStorm(App(outdir=tmp_path / "dist"), "Default", values=load_values([path], []))
    assert [problem.removeprefix(f"{tmp_path}/") for problem in caught.value.problems] == [expected]


def test_warnings_are_told_by_file_and_line_and_end_with_their_name(tmp_path: Path) -> None:
    (path := tmp_path / "values.yaml").write_text("st2web:\n  service:\n    nodePort: 8443\n")
    cluster = StackStorm(App(outdir=tmp_path / "dist"), "Default", values=load_values([path], []))
    assert cluster.warnings() == [
        f"{path}:3: st2web.service.nodePort: is 8443; clusters give 30000 to 32767 unless they are told otherwise "
        "(Service/st2-st2web) [node-port-range]"
    ]
