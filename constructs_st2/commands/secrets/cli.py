"""`constructs-st2 secrets`: making, listing and checking Secrets by hand."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from constructs_st2.commands.cluster_options import ClusterOptions, with_cluster_options
from constructs_st2.errors import UserError
from constructs_st2.parts.secrets.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from constructs_st2.facts.cluster import Cluster
    from constructs_st2.kube.documents import Document
    from constructs_st2.values.model import Values


@click.group()
def secrets() -> None:
    """The Secrets of a release."""


@secrets.command()
@with_cluster_options
@click.option("--only", multiple=True, metavar="SECRET", help="Only this one, by its name without the release's.")
@click.option(
    "--seal",
    metavar="CERT.pem",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Encrypt them for the controller of sealed-secrets that has this certificate (kubeseal --fetch-cert).",
)
@click.option(
    "--scope",
    type=click.Choice(get_args(Scope)),
    default="strict",
    show_default=True,
    help="Where SealedSecrets can be opened.",
)
@click.option(
    "--license",
    "license_file",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with the license key of the enterprise images.",
)
@click.option("--new-crypto-key", is_flag=True, help="The database, which is not this release's, has no secret items.")
def generate(
    options: ClusterOptions,
    only: tuple[str, ...],
    seal: Path | None,
    scope: Scope,
    license_file: Path | None,
    new_crypto_key: bool,
) -> None:
    """Make new Secrets, and print them as manifests.

    Pipe them into `kubectl create -f -`, which never replaces what is there. Each call makes others.
    """
    import yaml

    from constructs_st2.parts.secrets.generated import chosen, secret_manifests

    if scope != "strict" and seal is None:
        raise UserError(f"--scope {scope} is of no use without --seal")
    left_out: dict[str, str] = {}
    with options.cluster() as cluster:
        license_key = _license_key(license_file, cluster.values) if license_file else None
        made = list(secret_manifests(cluster, license_key=license_key, left_out=left_out.__setitem__, remembered=True))
        manifests = chosen(made, only, cluster, left_out)
        if not new_crypto_key:
            _spare_what_is_encrypted(manifests, cluster)
    if seal:
        from constructs_st2.parts.secrets.sealed import controller_key, sealed

        key = controller_key(seal.read_bytes())
        manifests = [sealed(manifest, key, options.release, scope) for manifest in manifests]
    for name, reason in {} if only else left_out.items():
        click.echo(f"note: Secret {name} is left out: {reason}", err=True)
    click.echo(yaml.safe_dump_all(manifests, sort_keys=False), nl=False)


def _spare_what_is_encrypted(manifests: Iterable[Document], cluster: Cluster) -> None:
    """A new key opens nothing that another one has encrypted. The database is not asked from here: it need not be in
    reach.

    Raises:
        UserError: a crypto key was made for a database that may hold secret items.
    """
    from constructs_st2.facts.secrets import contract
    from constructs_st2.facts.secrets.programs.database import COLLECTION

    spec = contract.DATASTORE
    key = cluster.secret(spec)
    if cluster.values.mongodb.enabled or all(each["metadata"]["name"] != key for each in manifests):
        return
    raise UserError(
        f"Secret {key}: the database is not this release's, and may hold items that another crypto key has encrypted; "
        f"a new one opens none of them. Ask it: db.{COLLECTION}.countDocuments({{secret: true}}). Where it answers 0: "
        f"--new-crypto-key. Else bring the key that there was: a Secret {key}, or {spec.named_in}; the others "
        "are made by --only"
    )


def _license_key(file: Path, values: Values) -> str:
    enterprise = values.enterprise
    if not enterprise.enabled or enterprise.existing_pull_secret:
        raise UserError(
            "--license has an effect only with enterprise.enabled, and without enterprise.existingPullSecret"
        )
    try:
        license_key = file.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        license_key = ""
    if not re.fullmatch(r"[^\s:]+", license_key):
        raise UserError(f"{file}: is no license key, which has one line without blanks and colons")
    return license_key


@secrets.command("list")
@with_cluster_options
def list_secrets(options: ClusterOptions) -> None:
    """List the Secrets that a cluster needs, their keys, and who reads them."""
    from constructs_st2.commands.secrets.listing import listing
    from constructs_st2.construct.build import build

    with options.cluster() as cluster:
        click.echo(listing(cluster, build(cluster).objects))


@secrets.command()
@with_cluster_options
@click.option("--context", metavar="NAME", help="Context of kubectl. Default: the current one.")
def check(options: ClusterOptions, context: str | None) -> None:
    """Check the Secrets of a running cluster, by kubectl: missing keys and wrong formats. Values are never shown."""
    from constructs_st2.commands.kubectl import Kubectl
    from constructs_st2.commands.secrets.inspection import problems_in
    from constructs_st2.commands.secrets.needed import needed
    from constructs_st2.construct.build import build

    with options.cluster() as cluster:
        secrets_needed = needed(cluster, build(cluster).objects)
    found = problems_in(secrets_needed, cluster.release.namespace, Kubectl(context))
    if found:
        raise UserError(found)
    click.echo("all Secrets are there, and their values have the right form")


@secrets.group()
def user() -> None:
    """Users of StackStorm."""


@user.command()
@click.argument("name")
def add(name: str) -> None:
    """Print the line of a user for the key `htpasswd` of the Secret <release>-st2-auth. Asks for the password."""
    import json

    from constructs_st2.facts.secrets.formats import Format
    from constructs_st2.facts.secrets.programs.generate import htpasswd_line
    from constructs_st2.parts.secrets.forms import problem

    if problem(Format.NAME, name):
        quoted = json.dumps(name, ensure_ascii=False)
        raise UserError(f"{quoted} cannot be the name of a user: it {problem(Format.NAME, name)}")
    if sys.stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = _password_from(sys.stdin.buffer.readline())
    if not password:
        raise UserError("the password is empty")
    click.echo(htpasswd_line(name, password, name))


def _password_from(line: bytes) -> str:
    try:
        return line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise UserError("the password is not in UTF-8, as st2auth reads passwords") from None
