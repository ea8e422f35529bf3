"""Settings of metrics, alerts and dashboards."""

from typing import Annotated, Any, TypeAlias

from pydantic import Field, StringConstraints, model_validator
from typing_extensions import Self

from constructs_st2.values.model.backends import ServerImage
from constructs_st2.values.model.base import Annotations, Labels, StrictModel, Word, key, section
from constructs_st2.values.model.pods import PodTemplate

Duration: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*(s|m)$")]


class StatsdExporter(PodTemplate):
    """The pod that turns what StackStorm sends into metrics of Prometheus."""

    image: ServerImage = section("Where the image comes from.")
    mappings: list[dict[str, Any]] = key(
        "Further mappings of names, as the exporter's configuration has them, for metrics of your own. Names that no "
        "mapping knows are dropped.",
        [],
    )


class PodMonitors(StrictModel):
    """How the Prometheus of the Prometheus Operator finds the metrics."""

    enabled: bool = key("Write PodMonitors. Needs the Prometheus Operator.", False)
    labels: Labels = key("Further labels, by which a Prometheus may select them.", {})
    interval: Duration = key("How often metrics are read.", "30s")


class MonitoringRules(StrictModel):
    """Alerts."""

    enabled: bool = key("Write a PrometheusRule with alerts. Needs the Prometheus Operator.", False)
    labels: Labels = key("Further labels, by which a Prometheus may select it.", {})
    disabled: list[str] = key("Names of alerts to leave out.", [])
    runbook: Word = key("Page with a heading for each alert, to which the alerts link.", "docs/how-to/runbooks.md")
    backup_max_age_hours: Annotated[int, Field(ge=1, le=10_000)] = key(
        "Age in hours at which the last good backup is too old.", 26
    )
    certificate_days: Annotated[int, Field(ge=1, le=365)] = key(
        "Days before its end at which a certificate should have been renewed.", 14
    )


class Dashboards(StrictModel):
    """Dashboards for Grafana."""

    enabled: bool = key("Write ConfigMaps with dashboards.", False)
    labels: Labels = key("Labels by which Grafana's sidecar finds them.", {"grafana_dashboard": "1"})
    annotations: Annotations = key("Annotations, such as the folder.", {"grafana_folder": "StackStorm"})


class Monitoring(StrictModel):
    """Metrics for Prometheus, alerts, and dashboards for Grafana."""

    enabled: bool = key("Collect StackStorm's metrics, and make those of everything known to Prometheus.", False)
    statsd_exporter: StatsdExporter = section("The pod that turns what StackStorm sends into metrics of Prometheus.")
    pod_monitors: PodMonitors = section("How the Prometheus of the Prometheus Operator finds the metrics.")
    scrape_annotations: bool = key(
        "Without PodMonitors: annotate pods with `prometheus.io/scrape`, `/port` and `/path`.", True
    )
    rules: MonitoringRules = section("Alerts.")
    dashboards: Dashboards = section("Dashboards for Grafana.")

    def exports(self, enabled: bool | None) -> bool:
        """Whether the exporter of a backend runs: as the backend's settings say, or else wherever this is enabled."""
        return self.enabled if enabled is None else enabled

    @model_validator(mode="after")
    def _parts_need_the_whole(self) -> Self:
        parts = {
            "podMonitors": self.pod_monitors.enabled,
            "rules": self.rules.enabled,
            "dashboards": self.dashboards.enabled,
        }
        given = [f"{name}.enabled" for name, enabled in parts.items() if enabled]
        if given and not self.enabled:
            raise ValueError(f"must have enabled: true for {', '.join(given)} to have an effect")
        return self
