"""Volumes, and claims of them."""

from __future__ import annotations

from constructs_st2.checks.api import forms, judges
from constructs_st2.checks.api.judges import given
from constructs_st2.checks.api.rules.table import Field, Whole
from constructs_st2.checks.api.structure import STRUCTURE
from constructs_st2.checks.api.walk import Faults, Judge
from constructs_st2.checks.data import at, mapping, mappings, strings
from constructs_st2.kube.documents import Document
from constructs_st2.kube.quantity import parsed

_ITEMS = "ConfigMapVolumeSource SecretVolumeSource ProjectedVolumeSource DownwardAPIVolumeSource"


_OF_PERSISTENT = (
    *STRUCTURE["PersistentVolumeSpec"],
    *("azureFile", "cephfs", "cinder", "csi", "flexVolume", "flocker", "glusterfs", "local", "photonPersistentDisk"),
    *("quobyte", "rbd", "scaleIO", "storageos"),
)
"""What a volume can be made of; those of their own types last."""


@given("sources")
def projected_paths(node: Document) -> Faults:
    """No two files of a volume have the same path."""
    seen: set[str] = set()
    for position, source in enumerate(mappings(node.get("sources"))):
        for kind in ("secret", "configMap", "downwardAPI"):
            for number, item in enumerate(mappings(at(source, kind, "items"))):
                path = str(item.get("path"))
                if path in seen:
                    yield ("sources", position, kind, "items", number, "path"), f"{path} is there twice"
                seen.add(path)


@Judge
def fibre_channel(node: Document) -> Faults:
    """A volume of a storage network has a target, or an identifier."""
    if node.get("wwids") and node.get("targetWWNs"):
        yield "wwids", "cannot be used together with targetWWNs"
    elif not node.get("wwids") and not node.get("targetWWNs"):
        yield (), "must have one of targetWWNs, wwids"
    elif node.get("targetWWNs") and node.get("lun") is None:
        yield "lun", "is required with targetWWNs"


@given("diskURI")
def azure_disk(node: Document) -> Faults:
    """A disk of Azure is where its kind is."""
    begin = "/subscriptions/" if node.get("kind") == "Managed" else "https://"
    uri = node.get("diskURI")
    if isinstance(uri, str) and uri and not uri.startswith(begin):
        yield "diskURI", f"must begin with {begin} with kind: {node.get('kind') or 'Shared'}, not {uri!r}"


@Judge
def chap(node: Document) -> Faults:
    """Who logs in has a password."""
    if (node.get("chapAuthDiscovery") or node.get("chapAuthSession")) and node.get("secretRef") is None:
        yield "secretRef", "is required with chapAuthDiscovery and chapAuthSession"


@given("metadata")
def claim_template(node: Document) -> Faults:
    """A claim that is made for a pod has the pod's name."""
    for field, value in mapping(node.get("metadata")).items():
        if field not in ("annotations", "labels") and value is not None:
            yield ("metadata", field), "cannot be set: claims of pods are named after them"


@given("kind")
def data_source(node: Document) -> Faults:
    """What a volume is filled from: another claim, or an object of a kind that is not Kubernetes' own."""
    if not node.get("apiGroup") and node.get("kind") not in (None, "", "PersistentVolumeClaim"):
        yield "kind", f"must be PersistentVolumeClaim without apiGroup, not {node['kind']}"


@given("dataSourceRef")
def data_sources(node: Document) -> Faults:
    """A volume is filled from one source."""
    first, second = node.get("dataSource"), node.get("dataSourceRef")
    if None not in (first, second) and first != second:
        yield "dataSourceRef", "must be dataSource, or left out"


@given("accessModes")
def access_modes(node: Document) -> Faults:
    """A volume that one pod alone may use is used in no other way."""
    modes = strings(node.get("accessModes"))
    if "ReadWriteOncePod" in modes and len(set(modes)) > 1:
        yield "accessModes", "ReadWriteOncePod cannot be used together with others"


@Judge
def claim(node: Document) -> Faults:
    """A claim asks for some storage."""
    storage = at(node, "resources", "requests", "storage")
    message = "is required" if storage is None else forms.more_than_none(storage)
    if message:
        yield ("resources", "requests", "storage"), message
    limit = parsed(at(node, "resources", "limits", "storage"))
    wanted = parsed(storage)
    if limit is not None and wanted is not None and wanted > limit:
        yield ("resources", "requests", "storage"), f"is {storage}; must be at most the limit, {limit}"


@Judge
def persistent_volume(node: Document) -> Faults:
    """A volume has room."""
    storage = at(node, "capacity", "storage")
    if message := "is required" if storage is None else forms.more_than_none(storage):
        yield ("capacity", "storage"), message


FIELDS: tuple[Field, ...] = (
    Field(
        "AWSElasticBlockStoreVolumeSource",
        "partition",
        forms.number(0, 255),
        "validateAWSElasticBlockStoreVolumeSource",
    ),
    Field("GCEPersistentDiskVolumeSource", "partition", forms.number(0, 255), "validateGCEPersistentDiskVolumeSource"),
    Field("AzureDiskVolumeSource", "kind", forms.one_of("Dedicated", "Managed", "Shared"), "validateAzureDisk"),
    Field("AzureDiskVolumeSource", "cachingMode", forms.one_of("None", "ReadOnly", "ReadWrite"), "validateAzureDisk"),
    Field("ISCSIVolumeSource", "initiatorName", forms.iscsi_name, "validateISCSIVolumeSource"),
    Field("ISCSIVolumeSource", "iqn", forms.iscsi_name, "validateISCSIVolumeSource"),
    Field("ISCSIVolumeSource", "lun", forms.number(0, 255), "validateISCSIVolumeSource"),
    Field("FCVolumeSource", "lun", forms.number(0, 255), "validateFCVolumeSource"),
    Field("CSIVolumeSource", "driver", forms.csi_driver, "ValidateCSIDriverName"),
    Field(_ITEMS, "defaultMode", forms.file_mode, "validateSecretVolumeSource"),
    Field("DownwardAPIVolumeFile", "mode", forms.file_mode, "validateDownwardAPIVolumeFile"),
    Field("DownwardAPIVolumeFile", "path", forms.descending_not_reserved, "validateDownwardAPIVolumeFile"),
    Field("EmptyDirVolumeSource", "sizeLimit", forms.quantity, "validateVolumeSource"),
    Field(
        "HostPathVolumeSource",
        "type",
        forms.one_of(
            "", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"
        ),
        "validateHostPathType",
    ),
    Field("HostPathVolumeSource", "path", forms.no_backsteps, "validateHostPathVolumeSource"),
    Field("ImageVolumeSource", "pullPolicy", forms.pull_policy, "validateImageVolumeSource"),
    Field("KeyToPath", "mode", forms.file_mode, "validateKeyToPath"),
    Field("KeyToPath", "path", forms.descending_not_reserved, "validateKeyToPath"),
    Field("NFSVolumeSource", "path", forms.absolute, "validateNFSVolumeSource"),
    Field("ServiceAccountTokenProjection", "expirationSeconds", forms.number(600, 2**32), "validateProjectionSources"),
    Field("ServiceAccountTokenProjection", "path", forms.descending_not_reserved, "validateProjectionSources"),
    Field(
        "ClaimSpec",
        "accessModes",
        forms.every(forms.one_of("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")),
        "ValidatePersistentVolumeClaimSpec",
    ),
    Field("ClaimSpec", "volumeMode", forms.one_of("Block", "Filesystem"), "ValidatePersistentVolumeClaimSpec"),
    Field("ClaimSpec", "storageClassName", forms.unless_empty(forms.dns_subdomain), "ValidateClassName"),
    Field(
        "ClaimSpec",
        "volumeAttributesClassName",
        forms.unless_empty(forms.dns_subdomain),
        "ValidateClassName",
    ),
    Field(
        "PersistentVolumeSpec",
        "accessModes",
        forms.every(forms.one_of("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")),
        "ValidatePersistentVolumeSpec",
    ),
    Field(
        "PersistentVolumeSpec",
        "persistentVolumeReclaimPolicy",
        forms.one_of("Delete", "Recycle", "Retain"),
        "ValidatePersistentVolumeSpec",
    ),
    Field("PersistentVolumeSpec", "volumeMode", forms.one_of("Block", "Filesystem"), "ValidatePersistentVolumeSpec"),
    Field(
        "PersistentVolumeSpec",
        "storageClassName",
        forms.unless_empty(forms.dns_subdomain),
        "ValidateClassName",
    ),
    Field("StorageClass", "provisioner", forms.qualified_small, "storage.validateProvisioner"),
    Field("StorageClass", "reclaimPolicy", forms.retain_or_delete, "storage.validateReclaimPolicy"),
    Field(
        "StorageClass",
        "volumeBindingMode",
        forms.one_of("Immediate", "WaitForFirstConsumer"),
        "storage.validateVolumeBindingMode",
    ),
)

WHOLES: tuple[Whole, ...] = (
    Whole("Volume", judges.exactly_one(*STRUCTURE["Volume"]), "validateVolumeSource"),
    Whole("AWSElasticBlockStoreVolumeSource", judges.required("volumeID"), "validateAWSElasticBlockStoreVolumeSource"),
    Whole("AzureDiskVolumeSource", judges.required("diskName", "diskURI"), "validateAzureDisk"),
    Whole("AzureDiskVolumeSource", azure_disk, "validateAzureDisk"),
    Whole("ISCSIVolumeSource", chap, "validateISCSIVolumeSource"),
    Whole("VolumeProjection", judges.at_most_one(*STRUCTURE["VolumeProjection"]), "validateProjectionSources"),
    Whole("AzureFileVolumeSource", judges.required("secretName", "shareName"), "validateAzureFile"),
    Whole("CephFSVolumeSource", judges.required("monitors"), "validateCephFSVolumeSource"),
    Whole("CinderVolumeSource", judges.required("volumeID"), "validateCinderVolumeSource"),
    Whole("ClaimVolumeSource", judges.required("claimName"), "validatePersistentClaimVolumeSource"),
    Whole("ConfigMapVolumeSource", judges.required("name"), "validateConfigMapVolumeSource"),
    Whole("CSIVolumeSource", judges.required("driver"), "ValidateCSIDriverName"),
    Whole("DownwardAPIVolumeFile", judges.exactly_one("fieldRef", "resourceFieldRef"), "validateDownwardAPIVolumeFile"),
    Whole("DownwardAPIVolumeFile", judges.required("path"), "validateDownwardAPIVolumeFile"),
    Whole("EphemeralVolumeSource", judges.required("volumeClaimTemplate"), "validateEphemeralVolumeSource"),
    Whole("ClaimTemplate", judges.required("spec"), "ValidatePersistentVolumeClaimTemplate"),
    Whole("ClaimTemplate", claim_template, "validatePersistentVolumeClaimTemplateObjectMeta"),
    Whole("FCVolumeSource", fibre_channel, "validateFCVolumeSource"),
    Whole("FlexVolumeSource", judges.required("driver"), "validateFlexVolumeSource"),
    Whole("GCEPersistentDiskVolumeSource", judges.required("pdName"), "validateGCEPersistentDiskVolumeSource"),
    Whole("GlusterfsVolumeSource", judges.required("endpoints", "path"), "validateGlusterfsVolumeSource"),
    Whole("HostPathVolumeSource", judges.required("path"), "validateHostPathVolumeSource"),
    Whole("ISCSIVolumeSource", judges.required("targetPortal", "iqn"), "validateISCSIVolumeSource"),
    Whole("ImageVolumeSource", judges.required("reference"), "validateImageVolumeSource"),
    Whole("KeyToPath", judges.required("key", "path"), "validateKeyToPath"),
    Whole("NFSVolumeSource", judges.required("server", "path"), "validateNFSVolumeSource"),
    Whole("PortworxVolumeSource", judges.required("volumeID"), "validatePortworxVolumeSource"),
    Whole("ProjectedVolumeSource", projected_paths, "validateProjectionSources"),
    Whole("RBDVolumeSource", judges.required("monitors", "image"), "validateRBDVolumeSource"),
    Whole("SecretProjection", judges.required("name"), "validateProjectionSources"),
    Whole("SecretVolumeSource", judges.required("secretName"), "validateSecretVolumeSource"),
    Whole(
        "ServiceAccountTokenProjection",
        judges.required("path"),
        "validateProjectionSources",
    ),
    Whole("VsphereVirtualDiskVolumeSource", judges.required("volumePath"), "validateVsphereVolumeSource"),
    Whole("PersistentVolumeClaim", judges.required("spec"), "ValidatePersistentVolumeClaim"),
    Whole("ClaimSpec", judges.required("accessModes"), "ValidatePersistentVolumeClaimSpec"),
    Whole("ClaimSpec", access_modes, "ValidatePersistentVolumeClaimSpec"),
    Whole("ClaimSpec", claim, "ValidatePersistentVolumeClaimSpec"),
    Whole("ClaimSpec", data_sources, "ValidatePersistentVolumeClaimSpec"),
    Whole("DataSource", judges.required("kind", "name"), "validateDataSource"),
    Whole("DataSource", data_source, "validateDataSource"),
    Whole("PersistentVolumeSpec", judges.required("accessModes"), "ValidatePersistentVolumeSpec"),
    Whole("PersistentVolumeSpec", judges.exactly_one(*_OF_PERSISTENT), "ValidatePersistentVolumeSpec"),
    Whole("PersistentVolumeSpec", persistent_volume, "ValidatePersistentVolumeSpec"),
    Whole("StorageClass", judges.required("provisioner"), "storage.validateProvisioner"),
)
