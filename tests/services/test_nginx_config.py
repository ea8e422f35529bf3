"""st2web's nginx configuration as text; tests/servers runs it."""

import re
from importlib import resources

import pytest

from constructs_st2.parts.services import nginx

UPSTREAMS = nginx.Upstreams("st2-st2auth:9100", "st2-st2api:9101", "st2-st2stream:9102")
HTTP = nginx.config_files(UPSTREAMS, https=False, max_body_size="50m", limits=nginx.Limits())
HTTPS = nginx.config_files(UPSTREAMS, https=True, max_body_size="50m", limits=nginx.Limits())


def directives(text: str) -> str:
    """The configuration without its comments."""
    return re.sub(r"(?m)^\s*#.*$", "", text)


@pytest.mark.parametrize("files", [HTTP, HTTPS])
def test_holds_exactly_the_files_that_nginx_includes(files: dict[str, str]) -> None:
    included = re.findall(rf"include {nginx.CONFIG_DIRECTORY}/(\S+);", "\n".join(files.values()))
    assert set(files) == {"nginx.conf", *included}


def test_both_variants_differ_in_the_server_only() -> None:
    assert {name for name in HTTP if HTTP[name] != HTTPS[name]} == {"server.conf"}


def test_generated_values_stand_in_the_upstreams_file_only() -> None:
    for name, address in UPSTREAMS._asdict().items():
        block = re.search(rf"upstream st2{name} {{(.*?)}}", HTTP["upstreams.conf"], re.DOTALL)
        assert block is not None
        assert re.findall(r"server (\S+)", block[1]) == [address] * nginx.ATTEMPTS
    assert "client_max_body_size 50m;" in HTTP["upstreams.conf"]
    assert "$" not in HTTP["upstreams.conf"]
    for name in ("nginx.conf", "locations.conf"):
        assert HTTP[name] == resources.files(nginx).joinpath(name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "wrong",
    [
        {"api": "st2api"},
        {"auth": "http://st2auth:9100"},
        {"stream": "st2stream:9102; } server {"},
        {"max_body_size": "50mb"},
        {"max_body_size": "1m; autoindex on"},
        {"max_body_size": ""},
    ],
)
def test_refuses_what_nginx_would_misread(wrong: dict[str, str]) -> None:
    given = {**UPSTREAMS._asdict(), "max_body_size": "50m", **wrong}
    size = given.pop("max_body_size")
    with pytest.raises(ValueError, match=re.escape(repr(*wrong.values()))):
        nginx.config_files(nginx.Upstreams(**given), https=False, limits=nginx.Limits(), max_body_size=size)


def test_ports_are_those_of_the_module() -> None:
    assert re.findall(r"listen (.*?) default_server", HTTP["server.conf"]) == [str(nginx.HTTP_PORT)]
    assert re.findall(r"listen (.*?) default_server", HTTPS["server.conf"]) == [
        f"{nginx.HTTP_PORT} ssl",
        f"{nginx.HTTPS_PORT} ssl",
    ]


def test_no_directive_that_some_nginx_version_warns_about() -> None:
    assert "http2" not in directives(HTTPS["server.conf"])


def test_paths_are_those_of_the_module() -> None:
    server = HTTPS["server.conf"]
    assert f"ssl_certificate {nginx.CERTIFICATE_DIRECTORY}/{nginx.CERTIFICATE_FILE};" in server
    assert f"ssl_certificate_key {nginx.CERTIFICATE_DIRECTORY}/{nginx.KEY_FILE};" in server
    assert f"$request_uri = {nginx.HEALTH_PATH})" in server
    assert f"location = {nginx.HEALTH_PATH} {{" in HTTP["locations.conf"]
    assert f"{nginx.CONFIG_DIRECTORY}/nginx.conf" in nginx.COMMAND


def test_no_block_switches_off_the_inherited_headers() -> None:
    for name, text in {**HTTP, "server-https.conf": HTTPS["server.conf"]}.items():
        indents = set(re.findall(r"(?m)^( *)add_header ", directives(text)))
        assert indents == ({"    "} if name == "nginx.conf" else set()), name


def test_no_location_drops_the_inherited_proxy_headers() -> None:
    assert not re.search(r"(?m)^ +proxy_set_header", directives(HTTP["locations.conf"]))


def test_writes_below_tmp_only() -> None:
    writing = r"(?m)^\s*(?:pid|\w+_temp_path|access_log|error_log) (\S+?)[ ;]"
    written = re.findall(writing, directives(HTTP["nginx.conf"]))
    assert len(written) == 8
    assert "-e stderr" in " ".join(nginx.COMMAND)
    assert all(path.startswith("/tmp/") or path in {"/dev/stdout", "stderr"} for path in written)
