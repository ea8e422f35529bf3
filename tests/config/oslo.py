"""The reader that st2 itself uses for its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from oslo_config import cfg

from constructs_st2.facts.st2_options import Option

_TYPES: Mapping[str, type[cfg.Opt]] = {
    "str": cfg.StrOpt,
    "int": cfg.IntOpt,
    "float": cfg.FloatOpt,
    "bool": cfg.BoolOpt,
    "list": cfg.ListOpt,
    "dict": cfg.DictOpt,
}


def read(files: Sequence[Path], options: Mapping[str, Mapping[str, Option]]) -> cfg.ConfigOpts:
    """What st2 reads from some files, later ones over earlier ones, when it knows some options.

    Raises:
        cfg.Error: oslo.config refuses a file.
    """
    conf = cfg.ConfigOpts()
    for section, named in options.items():
        for name, option in named.items():
            opt = _TYPES[option.type](name, default=option.default)
            if section != "DEFAULT":
                conf.register_opt(opt, group=section)
            elif name not in conf:  # oslo.config has some of its own.
                conf.register_opt(opt)
    conf(args=[], default_config_files=[str(file) for file in files], default_config_dirs=[])
    return conf


def of_section(conf: cfg.ConfigOpts, section: str) -> Mapping[str, object]:
    """The options of a section."""
    return conf if section == "DEFAULT" else conf[section]


def entries(file: Path) -> dict[tuple[str, str], str]:
    """Section and option to the text of the value that counts, as oslo.config's own parser cuts a file up.

    Raises:
        cfg.ParseError: it refuses the file.
    """
    sections: dict[str, dict[str, list[str]]] = {}
    parser = cfg.ConfigParser(str(file), {})
    parser._add_normalized(sections)
    parser.parse()
    return {(section, name): values[-1] for section, named in sections.items() for name, values in named.items()}
