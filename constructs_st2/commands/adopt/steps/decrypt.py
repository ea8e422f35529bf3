"""Decrypts one encrypted item with the key that StackStorm has. Prints whether that works, and no secret."""

import sys
from pathlib import Path

from oslo_config import cfg
from st2common import config  # type: ignore[import-not-found]
from st2common.models.db.keyvalue import KeyValuePairDB  # type: ignore[import-not-found]  # noqa: F401
from st2common.persistence.keyvalue import KeyValuePair  # type: ignore[import-not-found]
from st2common.service_setup import db_setup  # type: ignore[import-not-found]
from st2common.util.crypto import read_crypto_key, symmetric_decrypt  # type: ignore[import-not-found]

FILES = ["/etc/st2/st2.conf", "/etc/st2/st2.docker.conf", "/etc/st2/st2.user.conf", "/etc/st2/st2.secrets.conf"]

config.parse_args(args=[argument for file in FILES if Path(file).exists() for argument in ("--config-file", file)])
db_setup()
item = KeyValuePair.query(secret=True).first()
if item is None:
    print("no item is encrypted")
    sys.exit(0)
symmetric_decrypt(read_crypto_key(cfg.CONF.keyvalue.encryption_key_path), item.value)
print("the crypto key decrypts " + item.name)
