"""The command line.

Commands import what they need when they run, so that none pays for another.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from constructs_st2 import __version__
from constructs_st2.commands.adopt.cli import adopt
from constructs_st2.commands.cluster_options import STRICT, tell_warnings
from constructs_st2.commands.completion import PROGRAM, completion
from constructs_st2.commands.diagram.cli import diagram
from constructs_st2.commands.doctor.cli import doctor
from constructs_st2.commands.explain import explain
from constructs_st2.commands.images.cli import images
from constructs_st2.commands.pipes import Program
from constructs_st2.commands.plan.cli import plan
from constructs_st2.commands.program import run
from constructs_st2.commands.restore import restore
from constructs_st2.commands.secrets.cli import secrets
from constructs_st2.commands.synth import Arguments, synth_command
from constructs_st2.commands.trying.cli import try_out
from constructs_st2.commands.uninstall import uninstall
from constructs_st2.commands.upgrade import upgrade
from constructs_st2.errors import UserError

if TYPE_CHECKING:
    from constructs_st2.construct.stackstorm import StackStorm


def main() -> None:
    """The program `constructs-st2`."""
    run(cli)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=PROGRAM)
def cli() -> None:
    """StackStorm on Kubernetes, from a values file to manifests."""


@synth_command
def synth(arguments: Arguments) -> StackStorm:
    """Write the manifests of a cluster."""
    # By these names, they come with the Node.js that they need.
    from constructs_st2 import App, StackStorm, load_values

    app = App(outdir=arguments.output, accept=arguments.accept)
    values = load_values(arguments.files, arguments.sets)
    cluster = StackStorm(
        app,
        "Default",
        values=values,
        release=arguments.release,
        namespace=arguments.namespace,
        strict=arguments.strict,
    )
    app.synth()
    return cluster


cli.add_command(synth)


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@STRICT
def check(folder: Path, strict: bool) -> None:
    """Check the manifests in a folder as a synth does."""
    from constructs_st2.checks import check as problems_of
    from constructs_st2.checks.surroundings import surroundings_of_unknown
    from constructs_st2.checks.warnings import warnings as warnings_of
    from constructs_st2.kube.reading import read_folder

    objects = read_folder(folder)
    problems = problems_of(objects, surroundings_of_unknown(objects))
    if problems:
        raise UserError(map(str, problems))
    warnings = list(map(str, warnings_of(objects)))
    if warnings and strict:
        raise UserError(warnings)
    tell_warnings(warnings)
    click.echo(f"{folder}: {len(objects)} objects hold together")


@cli.command()
def schema() -> None:
    """Print the JSON Schema of values files, for editors."""
    import json

    from constructs_st2.values.model import Values
    from constructs_st2.values.reference import json_schema

    click.echo(json.dumps(json_schema(Values), indent=2))


cli.add_command(adopt)
cli.add_command(completion)
cli.add_command(explain)
cli.add_command(images)
cli.add_command(doctor)
cli.add_command(plan)
cli.add_command(restore)
cli.add_command(secrets)
cli.add_command(try_out)
cli.add_command(uninstall)
cli.add_command(upgrade)
cli.add_command(diagram)
