"""Names of objects that values refer to, typed by the kind of the object.

By these types `values.named` finds all that the user has named, so that no list of such keys is kept elsewhere.
"""

from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from constructs_st2.values.model.base import ObjectName

ANYTHING = "*"
"""The kind of what may name an object of any kind."""


@dataclass(frozen=True)
class Names:
    """Marks a type whose texts name objects of a kind."""

    kind: str


SecretName: TypeAlias = Annotated[ObjectName, Names("Secret")]
ConfigMapName: TypeAlias = Annotated[ObjectName, Names("ConfigMap")]
ClaimName: TypeAlias = Annotated[ObjectName, Names("PersistentVolumeClaim")]
StorageClassName: TypeAlias = Annotated[str, Names("StorageClass")]
"""Of a storage class, or empty: for volumes that were made by hand."""
PriorityClassName: TypeAlias = Annotated[ObjectName, Names("PriorityClass")]
RuntimeClassName: TypeAlias = Annotated[ObjectName, Names("RuntimeClass")]
IngressClassName: TypeAlias = Annotated[ObjectName, Names("IngressClass")]
ServiceAccountName: TypeAlias = Annotated[ObjectName, Names("ServiceAccount")]
ServiceName: TypeAlias = Annotated[ObjectName, Names("Service")]
GatewayName: TypeAlias = Annotated[ObjectName, Names("Gateway")]
IssuerName: TypeAlias = Annotated[ObjectName, Names("Issuer")]
"""Of an issuer of cert-manager, or of what its reference says."""
SecretStoreName: TypeAlias = Annotated[ObjectName, Names("SecretStore")]

KubernetesFields: TypeAlias = Annotated[dict[str, Any], Names(ANYTHING)]
"""Fields of Kubernetes that only Kubernetes knows: any text in them may name an object."""
