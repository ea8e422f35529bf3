"""The log of st2stream, set up as st2 does it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support import Objects, Synth

from constructs_st2.facts.ini import parse
from constructs_st2.facts.st2_conf.stream_log import STREAM_LOG, stream_log

PATH = f"/etc/st2/{STREAM_LOG}"

# What st2common does, without the extra attributes that its formatter adds.
FORMATTER = "import logging\nclass ConsoleLogFormatter(logging.Formatter): pass\n"
PROGRAM = """
import logging, logging.config, sys
stderr = logging.getLogger("st2.STDERR")  # made before the settings are read, as by st2common.log.LoggingStream
logging.config.fileConfig(sys.argv[1], defaults=None, disable_existing_loggers=False)
logging.getLogger("st2.x").error("a fault")
logging.getLogger("st2.x").debug("a detail")
stderr._log(logging.ERROR, "(1) accepted ('127.0.0.1', 40000)", None)
"""


def test_what_its_web_server_says_is_no_error_but_errors_are(tmp_path: Path) -> None:
    package = tmp_path / "st2common" / "logging"
    package.mkdir(parents=True)
    (package / "formatters.py").write_text(FORMATTER)
    settings = tmp_path / "settings"
    settings.write_text(stream_log())
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(settings)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split(" ", 2)[2] for line in done.stdout.splitlines()]
    assert lines == ["ERROR [-] a fault", "INFO [-] stderr: (1) accepted ('127.0.0.1', 40000)"]
    assert not done.stderr


def test_st2stream_alone_has_it(default_objects: Objects) -> None:
    settings = parse(default_objects.named("ConfigMap", "st2-st2-config")["data"]["st2.docker.conf"])
    assert [each.value for each in settings if (each.section, each.option) == ("stream", "logging")] == [PATH]
    assert default_objects.named("ConfigMap", "st2-st2-stream-log")["data"] == {STREAM_LOG: stream_log()}
    mounting = {
        name
        for name, pod in default_objects.pod_templates().items()
        if PATH in str([each.get("volumeMounts") for each in pod["spec"]["containers"]])
    }
    assert mounting == {"st2-st2stream"}


def test_the_user_may_have_another(synth: Synth) -> None:
    objects = synth({"st2": {"config": {"stream": {"logging": "/etc/st2/mine.conf"}}}})
    container = objects.container("st2stream")
    assert container["args"].index("--config-file=/etc/st2/st2.user.conf") > container["args"].index(
        "--config-file=/etc/st2/st2.docker.conf"
    )
    assert "logging = /etc/st2/mine.conf" in objects.named("ConfigMap", "st2-st2-config")["data"]["st2.user.conf"]
