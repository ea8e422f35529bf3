"""How packs come to the pods: in the image of st2, from images of their own, or on volumes that all pods share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.content import present
from constructs_st2.facts.images import Image
from constructs_st2.facts.jobs import PACKS_WRITE_TEST, left_out
from constructs_st2.facts.pod_paths import PACKS, STACKSTORM
from constructs_st2.facts.release import SERVICES_WAVE, WAVE_ANNOTATION, Release
from constructs_st2.kube.builders import volume_claim
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.kube.parted import parted
from constructs_st2.parts.packs.scripts import COPY_CONFIGS, MERGE_PACKS
from constructs_st2.parts.pods.pod import Container, without_empty
from constructs_st2.parts.pods.scripts import MOUNT_PATH as SCRIPTS_PATH
from constructs_st2.parts.pods.scripts import command as script_command
from constructs_st2.parts.pods.scripts import texts as script_texts
from constructs_st2.parts.pods.security import RESTRICTED_CONTAINER, overlaid
from constructs_st2.parts.pods.volumes import READABLE_BY_GROUP, Mount, Volume
from constructs_st2.values.model import Values
from constructs_st2.values.model.content import PacksImage, SharedVolume

VIRTUALENVS = f"{STACKSTORM}/virtualenvs"
CONFIGS = f"{STACKSTORM}/configs"

MERGED = "/opt/constructs-st2-packs"
"""Where init containers find the volumes that they fill: what an image brings along must stay visible."""
IMAGE_VOLUMES = "/opt/constructs-st2-packs-images"
GIVEN_CONFIGS = "/opt/constructs-st2-configs"
CLAIMS = {"packs": "st2-packs", "virtualenvs": "st2-virtualenvs", "configs": "st2-pack-configs"}
"""The claims that are made for shared volumes, by the volume's key in the values."""

CONFIGS_CONFIG_MAP = "st2-pack-configs"
SCRIPTS_CONFIG_MAP = "st2-content-scripts"
SCRIPTS_PACKAGE = "constructs_st2.parts.packs.scripts"


class Delivery(Enum):
    """Where the packs of a cluster are."""

    BAKED = "in the images of st2, which hold the system packs"
    IMAGES = "copied from images to a volume of each pod"
    IMAGE_VOLUMES = "in images that are mounted as volumes"
    SHARED = "on volumes that all pods share"


def delivery(values: Values) -> Delivery:
    """How the packs of a cluster come to its pods."""
    packs = values.st2.packs
    if packs.volumes.enabled:
        return Delivery.SHARED
    if not packs.images:
        return Delivery.BAKED
    return Delivery.IMAGE_VOLUMES if packs.image_volumes else Delivery.IMAGES


def packs_mounts(cluster: Cluster, *, writable: bool) -> list[Mount]:
    """Where a pod finds packs; nothing where they are in its image."""
    if delivery(cluster.values) is Delivery.BAKED:
        return []
    return [Mount(_packs_volume(cluster), PACKS, writable=writable), *_image_volumes(cluster.values)]


def virtualenvs_mounts(cluster: Cluster, *, writable: bool) -> list[Mount]:
    """Where a pod finds the virtualenvs of packs."""
    if delivery(cluster.values) is Delivery.BAKED:
        return []
    return [Mount(_virtualenvs_volume(cluster), VIRTUALENVS, writable=writable)]


def configs_mounts(cluster: Cluster, *, writable: bool) -> list[Mount]:
    """Where a pod finds the configurations of packs."""
    volumes = cluster.values.st2.packs.volumes
    if volumes.enabled and volumes.configs:
        return [Mount(_shared("configs", volumes.configs, cluster.release), CONFIGS, writable=writable)]
    return [mount._replace(path=CONFIGS) for mount in _given_configs(cluster)]


def copies(cluster: Cluster, image: Image) -> list[Container]:
    """The init containers that give a pod its packs, where those come from images.

    Args:
        cluster: the cluster.
        image: the pod's own image, which holds the system packs of its version of st2.
    """
    if delivery(cluster.values) not in (Delivery.IMAGES, Delivery.IMAGE_VOLUMES):
        return []
    return [*_of_images(cluster, image), _of_system(cluster, image)]


def seeding(cluster: Cluster, image: Image) -> list[Container]:
    """The init containers of the Job that registers content: it finds the packs of `copies`, and all of them writable.

    It is also the one that writes system packs, packs of images and configurations to shared volumes.
    """
    configs = cluster.values.st2.packs.volumes.configs
    match delivery(cluster.values):
        case Delivery.BAKED:
            return [_of_system(cluster, image)] if cluster.values.jobs.pre_register_content_command else []
        case Delivery.SHARED:
            return [
                *_of_images(cluster, image),
                _of_system(cluster, image),
                *([_of_configs(cluster, image)] if configs and _given_configs(cluster) else []),
            ]
        case _:
            return copies(cluster, image)


def seeded_mounts(cluster: Cluster) -> list[Mount]:
    """Where that Job finds packs and virtualenvs."""
    values = cluster.values
    if delivery(values) is Delivery.BAKED and not values.jobs.pre_register_content_command:
        return []
    return [
        Mount(_packs_volume(cluster), PACKS, writable=True),
        Mount(_virtualenvs_volume(cluster), VIRTUALENVS, writable=True),
        *_image_volumes(cluster.values),
    ]


def config_maps(cluster: Cluster) -> Iterator[tuple[str, dict[str, str]]]:
    """Names and contents of the ConfigMaps for packs."""
    yield from parted(CONFIGS_CONFIG_MAP, given_files(cluster.values)).items()
    values = cluster.values
    if delivery(values) is not Delivery.BAKED or values.jobs.pre_register_content_command:
        yield SCRIPTS_CONFIG_MAP, script_texts(SCRIPTS_PACKAGE)


def claims(cluster: Cluster) -> Iterator[Document]:
    """The claims that are made for shared volumes."""
    volumes = cluster.values.st2.packs.volumes
    # Argo CD waits until a pod uses a claim: the Job that tries it, which comes before the services, or else those.
    tried = PACKS_WRITE_TEST not in left_out(cluster.values.jobs.skip)
    wave = {} if tried else {WAVE_ANNOTATION: str(SERVICES_WAVE)}
    for name, component in CLAIMS.items():
        wanted: SharedVolume = getattr(volumes, name)
        if not volumes.enabled or "create" not in wanted:
            continue
        spec = wanted["create"]
        yield volume_claim(
            {
                "name": cluster.release.named(component),
                "namespace": cluster.release.namespace,
                "labels": cluster.release.labels(component, "operations"),
            },
            access_mode="ReadWriteMany",
            size=spec["size"],
            storage_class=spec.get("storageClass"),
            annotations={**wave, **spec.get("annotations", {})},
        )


def shared_mounts(cluster: Cluster) -> list[Mount]:
    """The shared volumes, all writable."""
    volumes = cluster.values.st2.packs.volumes
    wanted = {"packs": PACKS, "virtualenvs": VIRTUALENVS, "configs": CONFIGS}
    return [
        Mount(_shared(name, source, cluster.release), path, writable=True)
        for name, path in wanted.items()
        if (source := getattr(volumes, name))
    ]


def scripts_mount(release: Release) -> Mount:
    """The scripts that bring packs."""
    name = release.named(SCRIPTS_CONFIG_MAP)
    content = fingerprint(script_texts(SCRIPTS_PACKAGE))
    return Mount(Volume.config_map("content-scripts", name, fingerprint=content, live=True), SCRIPTS_PATH)


def given_files(values: Values) -> dict[str, str]:
    """The configurations from the values, without those that are empty."""
    return present(values.st2.packs.configs)


def _packs_volume(cluster: Cluster) -> Volume:
    return _filled_volume("packs", cluster)


def _virtualenvs_volume(cluster: Cluster) -> Volume:
    return _filled_volume("virtualenvs", cluster)


def _filled_volume(name: str, cluster: Cluster) -> Volume:
    """A shared volume, or one of the pod itself, which init containers fill."""
    volumes = cluster.values.st2.packs.volumes
    return _shared(name, getattr(volumes, name), cluster.release) if volumes.enabled else Volume.scratch(f"st2-{name}")


def _shared(name: str, given: SharedVolume, release: Release) -> Volume:
    claim = release.named(CLAIMS[name])
    source = {"persistentVolumeClaim": {"claimName": claim}} if "create" in given else {**given}
    return Volume(f"st2-{name}", source)


def _given_configs(cluster: Cluster) -> list[Mount]:
    """The configurations from the values and from the user's Secret, in one folder."""
    files, secret = given_files(cluster.values), cluster.values.st2.packs.existing_configs_secret
    config_maps = [cluster.release.named(name) for name in parted(CONFIGS_CONFIG_MAP, files)]
    content = fingerprint(files) if files else None
    if files and secret:
        sources: list[Document] = [{"configMap": {"name": name}} for name in config_maps]
        volume = Volume(
            CONFIGS_CONFIG_MAP, {"projected": {"sources": [*sources, {"secret": {"name": secret}}]}}, content
        )
    elif secret:
        volume = Volume(CONFIGS_CONFIG_MAP, {"secret": {"secretName": secret, "defaultMode": READABLE_BY_GROUP}})
    elif files:
        volume = Volume.config_maps(CONFIGS_CONFIG_MAP, config_maps, fingerprint=content)
    else:
        return []
    # Services do not read them: they are registered, and then in the database.
    return [Mount(volume._replace(live=True), GIVEN_CONFIGS)]


def _image_volumes(values: Values) -> list[Mount]:
    if delivery(values) is not Delivery.IMAGE_VOLUMES:
        return []
    return [_image_volume(index, image) for index, image in enumerate(values.st2.packs.images)]


def _image_volume(index: int, image: PacksImage) -> Mount:
    source = {"image": without_empty({"reference": image.reference, "pullPolicy": image.pull_policy})}
    return Mount(Volume(f"packs-image-{index}", source), f"{IMAGE_VOLUMES}/{index}")


def _of_images(cluster: Cluster, own: Image) -> list[Container]:
    """The init containers for packs images, in their order."""
    mounted = delivery(cluster.values) is Delivery.IMAGE_VOLUMES
    made = []
    for index, packs in enumerate(cluster.values.st2.packs.images):
        name, volume = f"packs-image-{index}", _image_volume(index, packs)
        if mounted:
            arguments = ("link", packs.reference, f"{volume.path}{STACKSTORM}")
            image = own._replace(pull_secrets=cluster.images.of_packs(packs, own).pull_secrets)
            made.append(_merging(name, image, arguments, cluster, mounts=[volume]))
        else:
            image = cluster.images.of_packs(packs, own)
            arguments = ("copy", packs.reference, STACKSTORM)
            made.append(_merging(name, image, arguments, cluster, security=packs.security_context))
    return made


def _of_system(cluster: Cluster, own: Image) -> Container:
    # It also looks at the virtualenvs that were linked before.
    mounts = _image_volumes(cluster.values)
    return _merging("packs-system", own, ("system", own.reference, STACKSTORM), cluster, mounts=mounts)


def _of_configs(cluster: Cluster, own: Image) -> Container:
    volume = _shared("configs", cluster.values.st2.packs.volumes.configs, cluster.release)
    return Container(
        name="pack-configs",
        image=own,
        command=script_command(COPY_CONFIGS, GIVEN_CONFIGS, CONFIGS),
        resources=cluster.values.helper_resources.of("packs"),
        mounts=[scripts_mount(cluster.release), *_given_configs(cluster), Mount(volume, CONFIGS, writable=True)],
    )


def _merging(
    name: str,
    image: Image,
    arguments: tuple[str, str, str],
    cluster: Cluster,
    *,
    mounts: Sequence[Mount] = (),
    security: Mapping[str, Any] = MappingProxyType({}),
) -> Container:
    return Container(
        name=name,
        image=image,
        command=script_command(MERGE_PACKS, *arguments, MERGED),
        resources=cluster.values.helper_resources.of("packs"),
        security=overlaid(RESTRICTED_CONTAINER, cluster.values.security_context, security),
        mounts=[
            Mount(_packs_volume(cluster), f"{MERGED}/packs", writable=True),
            Mount(_virtualenvs_volume(cluster), f"{MERGED}/virtualenvs", writable=True),
            scripts_mount(cluster.release),
            *mounts,
        ],
    )
