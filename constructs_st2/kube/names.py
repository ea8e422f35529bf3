"""The patterns of names in Kubernetes, of whole texts and without their lengths: those of apimachinery's validation."""

LABEL_LENGTH = 63
"""How long a label of DNS may be, the value of a label, and the name behind the prefix of a key."""
SUBDOMAIN_LENGTH = 253
"""How long a name of DNS may be, and the names of most objects."""

LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
"""A label of DNS (RFC 1123)."""
SERVICE = r"[a-z]([-a-z0-9]*[a-z0-9])?"
"""A label of DNS as it was first (RFC 1035)."""
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
"""A name of DNS, of one or several labels."""
QUALIFIED = r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
"""The value of a label, and the name behind the prefix of a key."""
PORT = rf"(?!.*--)(?=.*[a-z]){LABEL}"
"""The name of a port (RFC 6335)."""
VARIABLE = r"[-._a-zA-Z][-._a-zA-Z0-9]*"
"""An environment variable, as every supported version takes it."""
FILE = r"(?!\.$|\.\.)[-._A-Za-z0-9]+"
"""A key of a ConfigMap or a Secret, which can be the name of a file."""
