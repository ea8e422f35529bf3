"""`constructs-st2 restore`: the manifests that restore a backup."""

from __future__ import annotations

import click

from constructs_st2.commands.cluster_options import ClusterOptions, with_cluster_options


@click.command()
@with_cluster_options
@click.option(
    "--archive", "backup", required=True, metavar="NAME", help="Name of the backup, e.g. st2-20260131T031700Z."
)
def restore(options: ClusterOptions, backup: str) -> None:
    """Print the manifests of a Job that replaces the database by a backup.

    Stop StackStorm's services first, then pipe them into `kubectl apply -f -`.
    """
    import yaml

    from constructs_st2.parts.backup.restore import documents

    with options.cluster() as cluster:
        manifests = documents(cluster, backup)
    click.echo(yaml.safe_dump_all(manifests, sort_keys=False), nl=False)
