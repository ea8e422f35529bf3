"""`constructs-st2 secrets`: making, listing and checking Secrets by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

import click

from constructs_st2.errors import UserError
from constructs_st2.options import ClusterOptions, with_cluster_options
from constructs_st2.secrets.scope import Scope


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
def generate(
    options: ClusterOptions, only: tuple[str, ...], seal: Path | None, scope: Scope, license_file: Path | None
) -> None:
    """Make new Secrets, and print them as manifests.

    Pipe them into `kubectl create -f -`, which never replaces what is there. Each call makes others.
    """
    import yaml

    from constructs_st2.secrets.generated import chosen, secret_manifests

    with options.cluster() as cluster:
        license_key = license_file.read_text(encoding="utf-8").strip() if license_file else None
        manifests = chosen(secret_manifests(cluster, license_key=license_key), only, cluster)
    if seal:
        from constructs_st2.secrets.sealed import controller_key, sealed

        key = controller_key(seal.read_bytes())
        manifests = [sealed(manifest, key, scope) for manifest in manifests]
    click.echo(yaml.safe_dump_all(manifests, sort_keys=False), nl=False)


@secrets.command("list")
@with_cluster_options
def list_secrets(options: ClusterOptions) -> None:
    """List the Secrets that a cluster needs, their keys, and who reads them."""
    from constructs_st2.secrets.listing import listing
    from constructs_st2.synth import build

    with options.cluster() as cluster:
        click.echo(listing(cluster, build(cluster).objects))


@secrets.command()
@with_cluster_options
@click.option("--context", metavar="NAME", help="Context of kubectl. Default: the current one.")
def check(options: ClusterOptions, context: str | None) -> None:
    """Check the Secrets of a running cluster, by kubectl: missing keys and wrong formats. Values are never shown."""
    from constructs_st2.secrets.inspection import problems_in

    with options.cluster() as cluster:
        found = problems_in(cluster, context)
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
    from constructs_st2.secrets.formats import Format
    from constructs_st2.secrets.generate import htpasswd_line

    if Format.NAME.problem(name):
        raise UserError(f'"{name}" cannot be the name of a user: it {Format.NAME.problem(name)}')
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise UserError("the password is empty")
    click.echo(htpasswd_line(name, password, name))
