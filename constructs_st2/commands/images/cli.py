"""`constructs-st2 images`: the images that a cluster pulls, by tag or by digest."""

from __future__ import annotations

from pathlib import Path

import click

from constructs_st2.commands.cluster_options import ClusterOptions, with_cluster_options
from constructs_st2.errors import UserError

_HEADER = """\
# What `constructs-st2 images --pin` found in the registries. Give it as the last values file, and make it anew for
# newer images: digests hold for these names and tags alone.
"""


@click.command()
@with_cluster_options
@click.option("--pin", is_flag=True, help="Ask the registries for the digests, and write a values file of them.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for --pin to write. Default: standard output.",
)
@click.option(
    "--plain-http",
    multiple=True,
    metavar="REGISTRY",
    help="Registry to ask by HTTP without TLS, as host or host:port; may be given several times.",
)
def images(options: ClusterOptions, pin: bool, output: Path | None, plain_http: tuple[str, ...]) -> None:
    """List the images that a cluster pulls, e.g. to mirror them; or pin them.

    Logins to registries are those of `docker login` (DOCKER_CONFIG, or ~/.docker/config.json).
    """
    from constructs_st2.construct.build import build
    from constructs_st2.facts.digests import without_digests
    from constructs_st2.facts.images import pulled_by

    if not pin and (output or plain_http):
        raise UserError("--output and --plain-http go with --pin")
    # What is pinned already is asked for anew.
    with options.cluster(without_digests) if pin else options.cluster() as cluster:
        objects = build(cluster).objects
    pulled = list(pulled_by(objects))
    if pin:
        _write(_pinned(pulled, plain_http), output)
        return
    for reference in pulled:
        click.echo(reference)


def _pinned(pulled: list[str], plain_http: tuple[str, ...]) -> str:
    """A values file with the digests of images; those that are named by digest need none."""
    import yaml

    from constructs_st2.commands.images.distribution import Registries, digests_of
    from constructs_st2.commands.images.logins import login_of

    asked = [reference for reference in pulled if "@" not in reference]
    found = digests_of(asked, Registries(login_of, frozenset(plain_http)))
    if failed := [f"{name}: {answer}" for name, answer in found.items() if isinstance(answer, Exception)]:
        raise UserError(failed)
    return _HEADER + str(yaml.safe_dump({"image": {"digests": {**found}}}, width=2**31 - 1))


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{output} cannot be written: {error.strerror}") from error
