"""Python programs of this package that run in pods, by the Python of the st2 images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from constructs_st2.facts.pod_paths import PROGRAMS
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.kube.shipped import shipped_text
from constructs_st2.parts.pods.scripts import MOUNT_PATH
from constructs_st2.parts.pods.variables import SEARCH_PATH
from constructs_st2.parts.pods.volumes import Volume

PYTHON = f"{PROGRAMS}/python"
ENVIRONMENT: Mapping[str, str] = {
    SEARCH_PATH: MOUNT_PATH,
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True)
class Programs:
    """Modules of one package. They may import each other, and nothing else of this package."""

    package: str
    modules: tuple[str, ...]

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """File name to content, for a ConfigMap."""
        return {name: shipped_text(self.package, name) for name in self._files}

    def command(self, module: str) -> list[str]:
        """The command that runs a module."""
        return [PYTHON, "-m", f"{self.package}.{module}"]

    def volume(self, name: str, config_map: str, others: Iterable[str] = ()) -> Volume:
        """The files of the ConfigMap where Python finds them as a package. ``others`` lie on the top."""
        folder = self.package.replace(".", "/")
        items: list[Document] = [
            *({"key": file, "path": file} for file in others),
            *({"key": file, "path": f"{folder}/{file}"} for file in self._files),
        ]
        source = {"configMap": {"name": config_map, "items": items}}
        return Volume(name, source, self._fingerprint, live=True)

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint(dict(self.texts))

    @property
    def _files(self) -> tuple[str, ...]:
        return tuple(f"{module}.py" for module in self.modules)
