"""Image references and the st2 version."""

from __future__ import annotations

from typing import Any

import pytest
from support import Objects, Synth

from constructs_st2.errors import InvalidValues
from constructs_st2.facts.images import Images, pulled_by, st2_version, with_registry
from constructs_st2.facts.versions import ST2_VERSIONS
from constructs_st2.values import from_mapping
from constructs_st2.values.model.images import ImageOverride


@pytest.mark.parametrize(
    ("reference", "mirrored"),
    [
        ("stackstorm/st2api:3.9", "mirror.local/stackstorm/st2api:3.9"),
        ("docker.io/library/busybox:1.37", "mirror.local/library/busybox:1.37"),
        ("busybox:1.37", "mirror.local/library/busybox:1.37"),
        ("localhost/x:1", "mirror.local/x:1"),
        ("registry:5000/a/b@sha256:0", "mirror.local/a/b@sha256:0"),
    ],
)
def test_a_registry_replaces_the_host_and_keeps_the_path(reference: str, mirrored: str) -> None:
    assert with_registry(reference, "mirror.local") == mirrored
    assert with_registry(reference, None) == reference


@pytest.mark.parametrize(
    ("values", "override", "expected"),
    [
        ({}, {}, "stackstorm/st2api:3.9"),
        ({"image": {"repository": "corp.io/st2", "tag": "3.8.1"}}, {}, "corp.io/st2/st2api:3.8.1"),
        ({}, {"repository": "corp.io", "name": "api", "tag": "3.9-r2"}, "corp.io/api:3.9-r2"),
        ({}, {"digest": f"sha256:{'0' * 64}"}, f"stackstorm/st2api@sha256:{'0' * 64}"),
        ({"enterprise": {"enabled": True}}, {}, "docker.stackstorm.com/st2api:3.9"),
        ({"image": {"registry": "mirror.local/hub"}}, {}, "mirror.local/hub/stackstorm/st2api:3.9"),
    ],
)
def test_where_a_service_image_comes_from(values: dict[str, Any], override: dict[str, Any], expected: str) -> None:
    images = Images(from_mapping(values), "st2-st2-license")
    assert images.st2("st2api", ImageOverride.model_validate(override)).reference == expected


def test_pull_secrets_add_up_without_repeating() -> None:
    images = Images(
        from_mapping({"enterprise": {"enabled": True}, "image": {"pullSecret": "hub"}}), license_secret="st2-license"
    )
    assert images.st2("st2api", ImageOverride.model_validate({"pullSecret": "hub"})).pull_secrets == (
        "st2-license",
        "hub",
    )


@pytest.mark.parametrize(
    ("tag", "version"),
    [("3.9", "3.9"), ("3.9.0", "3.9"), ("3.8.1", "3.8"), ("v3.9-corp.4", "3.9"), ("3.9dev", "3.9")],
)
def test_the_version_is_read_off_the_tag(tag: str, version: str) -> None:
    assert st2_version(from_mapping({"image": {"tag": tag}})) == version


def test_the_version_can_be_said_for_other_tags() -> None:
    assert st2_version(from_mapping({"image": {"tag": "stable"}, "st2": {"version": "3.8"}})) == "3.8"


SUPPORTED = ", ".join(ST2_VERSIONS)


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        (
            "latest",
            '"latest" does not begin with an st2 version; say which one the images contain in st2.version '
            f"(one of {SUPPORTED})",
        ),
        ("3.7", f"st2 3.7 is not supported; use one of {SUPPORTED}"),
        ("3.90", f"st2 3.90 is not supported; use one of {SUPPORTED}"),
    ],
)
def test_tags_without_a_supported_version(tag: str, message: str) -> None:
    with pytest.raises(InvalidValues) as caught:
        st2_version(from_mapping({"image": {"tag": tag}}))
    assert [(problem.key, problem.message) for problem in caught.value.problems] == [("image.tag", message)]


DIGEST = f"sha256:{'a' * 64}"


def test_a_digest_counts_for_every_container_that_has_the_image(synth: Synth) -> None:
    busybox = "docker.io/library/busybox:1.37"
    before, after = (pulled_by(synth(values)) for values in ({}, {"image": {"digests": {busybox: DIGEST}}}))
    assert len(before[busybox]) == len(after[f"{busybox}@{DIGEST}"]) > 5
    assert busybox not in after


def test_digests_are_of_images_as_they_are_pulled(synth: Synth) -> None:
    mirrored = "mirror.local/stackstorm/st2api:3.9"
    objects = synth({"image": {"registry": "mirror.local", "digests": {mirrored: DIGEST}}})
    template = objects.pod_templates()["st2-st2api"]
    assert template["spec"]["containers"][0]["image"] == f"{mirrored}@{DIGEST}"
    assert template["metadata"]["labels"]["app.kubernetes.io/version"] == "3.9"


def test_a_digest_at_the_image_itself_wins(synth: Synth) -> None:
    own = f"sha256:{'b' * 64}"
    values = {"image": {"digests": {"stackstorm/st2api:3.9": DIGEST}}, "st2api": {"image": {"digest": own}}}
    assert synth(values).container("st2api")["image"] == f"stackstorm/st2api@{own}"


def test_images_that_are_volumes_are_pulled_too(synth: Synth) -> None:
    packs = {"images": [{"repository": "registry.example.org", "name": "packs", "tag": "1"}], "imageVolumes": True}
    reference = "registry.example.org/packs:1"
    assert reference in pulled_by(synth({"st2": {"packs": packs}}))
    pinned = synth({"st2": {"packs": packs}, "image": {"digests": {reference: DIGEST}}})
    assert [name for name in pulled_by(pinned) if "packs" in name] == [f"registry.example.org/packs@{DIGEST}"]


def policies(objects: Objects) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for template in objects.pod_templates().values():
        for container in (*template["spec"].get("initContainers", ()), *template["spec"]["containers"]):
            found.setdefault(container["image"], set()).add(container["imagePullPolicy"])
    return found


def test_what_a_node_has_is_not_pulled_again(synth: Synth) -> None:
    """So that pods start while the registry is away."""
    assert set.union(*policies(synth()).values()) == {"IfNotPresent"}
    assert set.union(*policies(synth({"image": {"pullPolicy": "Always"}})).values()) == {"Always"}
