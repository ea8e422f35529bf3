"""`constructs-st2 restore`: the manifests that restore a backup."""

from __future__ import annotations

import click

from constructs_st2.commands.cluster_options import ClusterOptions, with_cluster_options
from constructs_st2.errors import UserError


@click.command()
@with_cluster_options
@click.option("--archive", "backup", metavar="NAME", help="Name of the backup, e.g. st2-20260131T031700Z.")
@click.option("--dump", metavar="NAME", help="Name of a plain archive or folder of mongodump beside the backups.")
def restore(options: ClusterOptions, backup: str | None, dump: str | None) -> None:
    """Print the manifests of a Job that replaces the database by a backup.

    Stop StackStorm's services first, then pipe them into `kubectl apply -f -`.
    """
    import yaml

    from constructs_st2.parts.backup.restore import documents, documents_of_dump

    if (backup is None) == (dump is None):
        raise UserError("say either --archive NAME or --dump NAME")
    with options.cluster() as cluster:
        manifests = documents(cluster, backup) if backup is not None else documents_of_dump(cluster, str(dump))
    click.echo(yaml.safe_dump_all(manifests, sort_keys=False), nl=False)
