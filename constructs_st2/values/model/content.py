"""Settings of what StackStorm works with: packs, their configuration, and roles."""

from typing import Annotated, TypeAlias

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from typing_extensions import Required, Self, TypedDict

from constructs_st2.values.deferred import deferred
from constructs_st2.values.model.base import (
    FILE_NAME,
    ONE_KEY,
    Annotations,
    ImageDigest,
    ImageRepository,
    ImageTag,
    Quantity,
    StrictModel,
    key,
    same,
    section,
)
from constructs_st2.values.model.images import PullPolicy
from constructs_st2.values.model.kubernetes import SecurityContext, VolumeSource
from constructs_st2.values.model.names import SecretName, StorageClassName
from constructs_st2.values.model.services import Sensor

_STRICT = ConfigDict(extra="forbid", strict=True)
_IMAGE_NAME = r"^[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$"

FileName: TypeAlias = Annotated[str, StringConstraints(pattern=FILE_NAME)]
Files: TypeAlias = dict[FileName, str]
"""File name to content. An empty content leaves the file out, as in the Helm chart."""

Folder: TypeAlias = Annotated[str, Field(min_length=1)]
"""A folder beside the values file that names it; or, in ``--set``, below the current one."""


class PacksImage(StrictModel):
    """An image that holds packs in /opt/stackstorm/packs and their virtualenvs in /opt/stackstorm/virtualenvs."""

    repository: ImageRepository = key("Registry and path. `image.registry` does not count here.", ...)
    name: Annotated[str, StringConstraints(pattern=_IMAGE_NAME)] = key(
        "Name of the image; a path may stand before it.", "st2packs"
    )
    tag: ImageTag | None = key("Tag of the image.")
    digest: ImageDigest | None = key("Digest of the image; wins over the tag.")
    pull_policy: PullPolicy | None = key("When the kubelet pulls this image.")
    pull_secret: SecretName | None = key("Name of a Secret with registry credentials.")
    security_context: SecurityContext = key("Laid over the security settings of the container that copies, by key.", {})

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if not self.tag and not self.digest:
            raise ValueError("needs a tag or a digest")
        return self

    @property
    def reference(self) -> str:
        """The image as a container names it."""
        return f"{self.repository}/{self.name}" + (f"@{self.digest}" if self.digest else f":{self.tag}")


@deferred(_STRICT)
class ClaimSpec(TypedDict, total=False):
    """A claim to be made."""

    size: Required[Quantity]
    storageClass: StorageClassName
    annotations: Annotations


@deferred(_STRICT)
class SharedVolumeSource(VolumeSource, total=False):
    """What a shared volume is made of; one of the keys."""

    create: ClaimSpec


SharedVolume: TypeAlias = Annotated[SharedVolumeSource, ONE_KEY]


class PacksVolumes(StrictModel):
    """Volumes that all pods share, so that `st2 pack install` works. They must be ReadWriteMany."""

    enabled: bool = key("Keep packs on shared volumes.", False)
    packs: SharedVolume = key(
        "Volume for /opt/stackstorm/packs: a volume source, or `create: {size, storageClass, annotations}` for a claim "
        "that is made for you.",
        {},
    )
    virtualenvs: SharedVolume = key("Volume for /opt/stackstorm/virtualenvs, in the same form.", {})
    configs: SharedVolume = key(
        "Volume for /opt/stackstorm/configs, in the same form; with it, `st2 pack config` can save. "
        "The files of `configs` are copied to it. Without it, they are all that there is.",
        {},
    )

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        missing = [name for name in ("packs", "virtualenvs") if self.enabled and not getattr(self, name)]
        if missing:
            raise ValueError(f"needs {' and '.join(missing)}: a volume source, or create: {{size: …}}")
        return self


class Packs(StrictModel):
    """Packs and their configuration."""

    images: list[PacksImage] = key(
        "Images with packs. Where two hold the same pack, the later one has it; system packs are always those of st2.",
        [],
    )
    image_volumes: bool = key(
        "Mount the images as volumes instead of copying them. Needs Kubernetes 1.35, or 1.33 with the feature gate "
        "ImageVolume, and a container runtime that can do it.",
        False,
    )
    volumes: PacksVolumes = section("Packs on volumes that all pods share.")
    configs: Files = key("Pack configurations: `<pack>.yaml` to content, in /opt/stackstorm/configs.", {})
    configs_from: Folder | None = key("Folder with further pack configurations; `configs` wins over its files.")
    existing_configs_secret: SecretName | None = key(
        "Your own Secret with further pack configurations, those that are secret: `<pack>.yaml` to content."
    )
    sensors: list[Sensor] = key(
        "Sensors that get a pod of their own; what they leave out is that of `st2sensorcontainer`, which then runs no "
        "others, and whose `deployments` must be 1.",
        [],
    )


class Rbac(StrictModel):
    """Role based access control."""

    enabled: bool = key("Turn role based access control on.", False)
    roles: Files = key("Role definitions: `<name>.yaml` to content.", {})
    assignments: Files = key(
        "Role assignments: `<name>.yaml` to content. By default `st2.username` is system_admin, and the users "
        "of rules and sensors have what they need.",
        {},
    )
    mappings: Files = key("Mappings of LDAP groups to roles: `<name>.yaml` to content.", {})
    from_: Folder | None = same(
        "from",
        "Folder with the folders roles, assignments and mappings; the keys of the same names win over its files.",
    )
