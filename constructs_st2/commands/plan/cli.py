"""`constructs-st2 plan`: what an apply would change, and what that does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from constructs_st2.commands.cluster_options import ClusterOptions, with_accept, with_cluster_options
from constructs_st2.commands.rows import has_colours
from constructs_st2.kube.well_known import MANIFESTS

if TYPE_CHECKING:
    from constructs_st2.changes.plan import Plan

CLUSTER = "cluster"
GIT = "git:"


@click.command()
@with_cluster_options
@click.option(
    "--against",
    default=MANIFESTS,
    show_default=True,
    metavar="WHAT",
    help="What is there: a folder of manifests; git:REVISION, for what the folder held then; or cluster, by kubectl.",
)
@click.option(
    "--manifests",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Compare the manifests in a folder, whoever wrote them, in place of what the values give.",
)
@click.option(
    "--output",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="For a terminal, a comment on a pull request, or programs.",
)
@click.option("--context", metavar="NAME", help="Context of kubectl, with --against cluster.")
@with_accept
def plan(
    options: ClusterOptions,
    against: str,
    manifests: Path | None,
    output: str,
    context: str | None,
    accept: tuple[str, ...],
) -> None:
    """Tell what an apply would change, and what that does.

    Which pods are replaced and how, what pauses, which Jobs run, what cannot be applied as it is and what would lose
    data. It changes nothing. Exit status: 0 nothing changes, 2 something does, 3 and somebody has to act besides the
    apply, 1 errors.
    """
    from constructs_st2.commands.plan import text

    made = _plan(options, against, manifests, context, accept)
    against = f"{against}/" if against != CLUSTER and not against.startswith(GIT) else against
    if output == "text":
        colours = has_colours()
        click.echo(text.terminal(made, against, colours=colours), color=colours)
    else:
        click.echo(text.OUTPUTS[output](made, against))
    sys.exit(made.status)


def _plan(
    options: ClusterOptions, against: str, manifests: Path | None, context: str | None, accept: tuple[str, ...]
) -> Plan:
    from constructs_st2.changes import states
    from constructs_st2.changes.plan import plan_of
    from constructs_st2.errors import UserError

    folder = manifests or Path(MANIFESTS)
    if against == CLUSTER:
        from constructs_st2.commands.plan import live

        new = _objects(options, manifests)
        state = live.state(new, options, context)
        return plan_of(state.objects, new, folder=str(folder), accepted=accept, earlier=state.outrun_jobs.intersection)
    if against.startswith(GIT):
        revision, place = against.removeprefix(GIT) or "HEAD", folder
        old_files = states.files_of_revision(revision, place)
    else:
        revision, place = "HEAD", Path(against)
        old_files = states.files_of_folder(place)
    if not old_files:
        raise UserError(f"{against}: holds no manifests to compare with")

    def earlier(names: frozenset[str]) -> frozenset[str]:
        return states.names_before(names, revision, place)

    if manifests is None:
        before, after = states.documents(old_files), _objects(options, None)
        return plan_of(before, after, folder=str(folder), accepted=accept, earlier=earlier)
    if not (given := states.files_of_folder(manifests)):
        raise UserError(f"{manifests}: has no manifests (*.yaml)")
    old, new_files = states.concerned(old_files, given)
    known = {name: states.documents({name: text}) for name, text in new_files.items()}
    same = {name: documents for name, documents in known.items() if old.get(name) == new_files[name]}
    after = [document for documents in known.values() for document in documents]
    return plan_of(states.documents(old, same), after, folder=str(folder), accepted=accept, earlier=earlier)


def _objects(options: ClusterOptions, manifests: Path | None) -> list[dict[str, object]]:
    if manifests is not None:
        from constructs_st2.changes.states import shaped
        from constructs_st2.kube.reading import read_folder

        return shaped(read_folder(manifests), str(manifests))
    from constructs_st2.construct.build import build

    with options.cluster() as cluster:
        return build(cluster).objects
