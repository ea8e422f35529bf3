"""Addresses in texts: who names a host of the release must find a Service there, on that port."""

from __future__ import annotations

import re
from collections.abc import Iterator

from constructs_st2.checks.data import at, label, mappings, name_of, namespace_of
from constructs_st2.checks.index import Index
from constructs_st2.checks.pods import Address
from constructs_st2.checks.problem import Problem
from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import INSTANCE_LABEL

_PORT = re.compile(r":\d")
_ADDRESS = re.compile(r"([a-z0-9-]+(?:\.[a-z0-9-]+)*):(\d{1,5})(?!\w|\.\d)")
_LONGEST_HOST = 255
_OF_HOSTS = "abcdefghijklmnopqrstuvwxyz0123456789.-"


def addresses_in_texts(index: Index) -> Iterator[Problem]:
    """Files, variables and arguments name only Services and pods that exist."""
    releases = {id(document): label(document, INSTANCE_LABEL) for document in index.objects}
    for texts in index.texts:
        release = None if texts.origin == "annotation" else releases[id(texts.owner)]
        if release is None:
            continue
        prefix = f"{release}-"
        for item, text in texts.items:
            for position, address in _addresses(text, prefix) if ":" in text and prefix in text else ():
                if message := _unreachable(index, address, namespace_of(texts.owner)):
                    yield Problem("address", texts.object, texts.field_at(item, text, position), message)


def addresses_waited_for(index: Index) -> Iterator[Problem]:
    """Init containers wait only for what exists; for anything else they would wait forever."""
    for pod in index.pods:
        release = label(pod.owner, INSTANCE_LABEL)
        for field, address in pod.waits:
            if release is not None and address.host.startswith(f"{release}-"):
                message = _unreachable(index, address, pod.namespace)
                if message:
                    yield Problem("address", pod.identity, field, message)


def service_at(index: Index, host: str, namespace: str) -> Document | None:
    """The Service whose name in DNS a host is, seen from a namespace."""
    name, _, rest = host.partition(".")
    return index.find("Service", rest.partition(".")[0] or namespace, name)


def _addresses(text: str, prefix: str) -> Iterator[tuple[int, Address]]:
    """Where the text names a host with the prefix and a port. A single ``/`` or ``.`` before it makes it no host."""
    # Names of hosts are many in some texts, and ports few.
    for port in _PORT.finditer(text):
        longest = max(0, port.start() - _LONGEST_HOST)
        start = longest + len(text[longest : port.start()].rstrip(_OF_HOSTS))
        before = text[max(0, start - 2) : start]
        if text.startswith(prefix, start) and (
            not before or before == "//" or not (before[-1].isalnum() or before[-1] in "_/")
        ):
            match = _ADDRESS.match(text, start)
            if match:
                yield start, Address(match[1], int(match[2]))


def _unreachable(index: Index, address: Address, namespace: str) -> str | None:
    """What is wrong with an address, or None. Many pods name the same few."""
    key = (*address, namespace)
    if key not in index.unreachable:
        index.unreachable[key] = _fault(index, address, namespace)
    return index.unreachable[key]


def _fault(index: Index, address: Address, namespace: str) -> str | None:
    """What is wrong with an address, or None. Hosts in namespaces without objects are not ours to judge."""
    first, *rest = address.host.split(".")
    if rest:
        governing = index.find("Service", rest[1] if len(rest) > 1 else namespace, rest[0])
        if governing is not None:
            return _unreachable_member(index, address, first, governing)
        namespace = rest[0]
        if namespace not in index.namespaces:
            return None
    service = index.find("Service", namespace, first)
    ports = set(index.surroundings.services.get(first, ()))
    if service is None and not ports:
        return f'there is no Service "{first}" in namespace "{namespace}"; add it, or correct the host'
    if service is not None:
        if at(service, "spec", "type") == "ExternalName":
            return None
        ports |= {port["port"] for port in mappings(at(service, "spec", "ports")) if isinstance(port.get("port"), int)}
    if address.port in ports:
        return None
    has = ", ".join(map(str, sorted(ports))) or "none"
    return f'Service "{first}" has no port {address.port}; its ports are: {has}'


def _unreachable_member(index: Index, address: Address, pod_name: str, service: Document) -> str | None:
    """What is wrong with the address of one pod of a StatefulSet."""
    workload_name, _, ordinal = pod_name.rpartition("-")
    workload = index.find("StatefulSet", namespace_of(service), workload_name)
    if workload is None or at(workload, "spec", "serviceName") != name_of(service):
        return f'no StatefulSet behind Service "{name_of(service)}" has a pod "{pod_name}"; correct the host'
    replicas = index.scale_of(workload).greatest
    if not ordinal.isdecimal() or int(ordinal) >= replicas:
        return f'StatefulSet "{workload_name}" has {replicas} pods, and none is called "{pod_name}"; correct the host'
    if address.port in index.pods_made_by(workload).ports:
        return None
    return f'the pods of StatefulSet "{workload_name}" have no port {address.port}; declare it, or correct the address'


RULES = (addresses_in_texts, addresses_waited_for)
