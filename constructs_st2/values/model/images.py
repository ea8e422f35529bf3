"""Where images come from."""

from typing import Literal, TypeAlias

from constructs_st2.values.model.base import (
    DnsLabel,
    ImageDigest,
    ImageName,
    ImageReference,
    ImageRepository,
    ImageTag,
    StrictModel,
    key,
)
from constructs_st2.values.model.names import SecretName

St2Version: TypeAlias = Literal["3.8", "3.9"]
"""The minor versions of st2 that are supported; what differs between them is in facts/versions.py."""

DEFAULT_TAG = "3.9"

PullPolicy: TypeAlias = Literal["Always", "IfNotPresent", "Never"]


class Image(StrictModel):
    """Images of the StackStorm services, and what holds for every image of the cluster."""

    registry: ImageRepository | None = key(
        "Registry (and path) that every image of the cluster is pulled from instead of its own, "
        "for mirrors and clusters without internet access. The rest of each image name stays as it is."
    )
    repository: ImageRepository | None = key(
        'Where the StackStorm images are. Default: "stackstorm", or "docker.stackstorm.com" with enterprise.enabled.'
    )
    tag: ImageTag = key("Tag of the StackStorm images. The st2 version is read off its beginning.", DEFAULT_TAG)
    pull_policy: PullPolicy = key("When the kubelet pulls images.", "IfNotPresent")
    pull_secret: SecretName | None = key("Name of a Secret with registry credentials, for every pod.")
    utility_image: ImageReference = key(
        "Small image of busybox with nc, httpd and wget, for containers that wait for backends, and for those by which "
        "members of RabbitMQ and etcd know of each other.",
        "docker.io/library/busybox:1.37",
    )
    digests: dict[ImageName, ImageDigest] = key(
        "Digests of images, by the name and tag under which they are pulled; for every container that has one of them, "
        "also for yours. `constructs-st2 images --pin` writes them.",
        {},
    )
    entrypoint: list[str] = key(
        "Put before the command of every StackStorm service (except st2web and st2chatops), "
        "e.g. an init process that the images contain.",
        [],
    )


class ImageOverride(StrictModel):
    """Another image for one service."""

    repository: ImageRepository | None = key("Repository, without the image's name.")
    name: DnsLabel | None = key("Name of the image.")
    tag: ImageTag | None = key("Tag of the image.")
    digest: ImageDigest | None = key("Digest of the image; wins over the tag.")
    pull_policy: PullPolicy | None = key("When the kubelet pulls this image.")
    pull_secret: SecretName | None = key("Name of a further Secret with registry credentials.")
