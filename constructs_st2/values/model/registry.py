"""Settings of the Docker registry in the cluster."""

from constructs_st2.values.model.backends import ServerImage
from constructs_st2.values.model.base import (
    Annotations,
    PortNumber,
    Quantity,
    StrictModel,
    key,
    section,
)
from constructs_st2.values.model.kubernetes import ResourceRequirements
from constructs_st2.values.model.names import ClaimName, StorageClassName
from constructs_st2.values.model.pods import PodTemplate


class RegistryPersistence(StrictModel):
    """The volume with the images."""

    size: Quantity = key("Size of the volume.", "20Gi")
    storage_class: StorageClassName | None = key(
        'Storage class; "" for volumes that were made by hand. Default: the cluster\'s.'
    )
    annotations: Annotations = key("Annotations of the claim.", {})
    existing_claim: ClaimName | None = key("Your own claim. The other keys beside this one then have no effect.")


class Registry(PodTemplate):
    """A Docker registry in the cluster, from which the nodes pull packs images."""

    enabled: bool = key("Run the registry.", False)
    image: ServerImage = section("Where the image comes from.")
    node_port: PortNumber = key(
        "Port of every node at which images are pulled: `localhost:30500/<name>:<tag>` is the name of an image.", 30500
    )
    resources: ResourceRequirements = key(
        "Requests and limits of each of the two containers. The default comes from the profile.", {}
    )
    persistence: RegistryPersistence = section("The volume with the images.")
