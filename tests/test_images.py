"""Image references and the st2 version."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_st2.errors import InvalidValues
from constructs_st2.facts.images import Images, st2_version, with_registry
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


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        (
            "latest",
            '"latest" does not begin with an st2 version; say which one the images contain in st2.version '
            "(one of 3.8, 3.9)",
        ),
        ("3.7", "st2 3.7 is not supported; use one of 3.8, 3.9"),
        ("3.90", "st2 3.90 is not supported; use one of 3.8, 3.9"),
    ],
)
def test_tags_without_a_supported_version(tag: str, message: str) -> None:
    with pytest.raises(InvalidValues) as caught:
        st2_version(from_mapping({"image": {"tag": tag}}))
    assert [(problem.key, problem.message) for problem in caught.value.problems] == [("image.tag", message)]
