"""Settings of StackStorm itself, shared by its services."""

from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, StringConstraints, WithJsonSchema

from constructs_st2.values.model.base import (
    LOGIN_NAME,
    USER_NAME,
    AbsolutePath,
    StrictModel,
    key,
    same,
    section,
)
from constructs_st2.values.model.content import Files, Folder, Packs, Rbac
from constructs_st2.values.model.datastore import ApiKey, KeyValue
from constructs_st2.values.model.images import St2Version
from constructs_st2.values.model.names import SecretName
from constructs_st2.values.model.secrets import SecretValue


def _text_or_sections(value: object) -> object:
    if value is None or isinstance(value, str):
        return value or ""
    if not isinstance(value, dict):
        raise ValueError("must be the text of an INI file, or a mapping of sections to options")
    for name, options in value.items():
        if not isinstance(options, dict):
            raise ValueError(f"section {name} must be a mapping of options to values")
        for option, setting in options.items():
            items = setting if isinstance(setting, list) else [setting]
            if not all(isinstance(item, str | int | float | bool) for item in items):
                raise ValueError(f"[{name}] {option} must be text, a number, true or false, or a list of those")
    return value


Config: TypeAlias = Annotated[
    Any,
    BeforeValidator(_text_or_sections),
    WithJsonSchema({"type": ["string", "object"]}),
]


class SystemUser(StrictModel):
    """The system user that runs actions."""

    user: Annotated[str, StringConstraints(pattern=USER_NAME)] = key(
        "Name of the user; it must exist in the action runner's image.", "stanley"
    )
    ssh_key_file: AbsolutePath | None = same(
        "ssh_key_file", "Where the private SSH key of the user appears. Default: /home/<user>/.ssh/stanley_rsa."
    )


class St2(StrictModel):
    """Settings that the StackStorm services share."""

    version: St2Version | None = key(
        "Version of st2 in the images. Needed only where `image.tag` does not begin with it."
    )
    username: Annotated[str, StringConstraints(pattern=LOGIN_NAME)] = key(
        "Name of the first user, an administrator.", "st2admin"
    )
    config: Config = key(
        "Your settings of st2.conf (st2.user.conf): INI text, or a mapping of sections to options. "
        "In text, `$` refers to another option and `$$` is a literal dollar; in a mapping, values are literal.",
        "",
    )
    existing_config_secret: SecretName | None = key(
        "Secret with a key `st2.secrets.conf`: settings that are secret. They win over all others."
    )
    existing_auth_secret: SecretName | None = key(
        "Your own Secret with ST2_AUTH_USERNAME, ST2_AUTH_PASSWORD and htpasswd instead of the release's."
    )
    existing_datastore_secret: SecretName | None = key(
        "Your own Secret with datastore_crypto_key instead of the release's."
    )
    existing_ssh_secret: SecretName | None = key("Your own Secret with private_key instead of the release's.")
    password: SecretValue | None = key("Password of the first user.")
    ssh_key: SecretValue | None = same("ssh_key", "Private SSH key of the system user.")
    datastore_crypto_key: SecretValue | None = same(
        "datastore_crypto_key",
        "Key that encrypts secret items of the key-value store; `disable` turns their encryption off.",
    )
    system_user: SystemUser = same("system_user", "The system user that runs actions.", {}, validate_default=True)
    packs: Packs = section("Packs and their configuration.")
    overrides: Files = key("Overrides of pack content: `<pack>.yaml` or `_global.yaml` to content.", {})
    overrides_from: Folder | None = key("Folder with further overrides; `overrides` wins over its files.")
    rbac: Rbac = section("Role based access control.")
    keyvalue: list[KeyValue] = key("Items for the key-value store.", [])
    keyvalue_files: Files = key("Further items: `<name>.yaml` to a YAML list.", {})
    keyvalue_from: Folder | None = key("Folder with further files for `keyvalueFiles`.")
    existing_keyvalue_secret: SecretName | None = key("Your own Secret with further items: `kv.yaml`, a YAML list.")
    apikeys: list[ApiKey] = key("API keys.", [])
    apikeys_files: Files = key("Further API keys: `<name>.yaml` to a YAML list.", {})
    apikeys_from: Folder | None = key("Folder with further files for `apikeysFiles`.")
    existing_apikeys_secret: SecretName | None = key(
        "Your own Secret with further API keys: `apikeys.yaml`, a YAML list."
    )

    @property
    def has_items(self) -> bool:
        """Whether there are key-value items or API keys to load."""
        return any(
            (
                self.keyvalue,
                self.keyvalue_files,
                self.existing_keyvalue_secret,
                self.apikeys,
                self.apikeys_files,
                self.existing_apikeys_secret,
            )
        )
