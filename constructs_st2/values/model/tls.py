"""Settings of TLS between the parts of a cluster."""

from constructs_st2.values.model.base import StrictModel, key, section
from constructs_st2.values.model.exposure import Hours, IssuerRef
from constructs_st2.values.model.names import SecretName


class InternalCertManager(StrictModel):
    """Certificates from cert-manager."""

    enabled: bool = key("Write a Certificate for each Secret that is not yours.", False)
    issuer_ref: IssuerRef | None = key(
        "Who issues the certificates. They must bring their authority (`ca.crt`), as those of a CA or of Vault do."
    )
    duration: Hours = key("How long a certificate is good for, in hours.", "2160h")
    renew_before: Hours = key("How long before its end it is renewed, in hours.", "720h")


class TlsSecrets(StrictModel):
    """Your own Secrets with certificates: type kubernetes.io/tls, keys tls.crt, tls.key and ca.crt."""

    mongodb: SecretName | None = key("Instead of <release>-mongodb-tls.")
    rabbitmq: SecretName | None = key("Instead of <release>-rabbitmq-tls.")
    redis: SecretName | None = key("Instead of <release>-redis-tls.")
    etcd: SecretName | None = key("Instead of <release>-etcd-tls.")
    st2: SecretName | None = key("Instead of <release>-st2-tls, for st2auth, st2api and st2stream.")


class InternalTls(StrictModel):
    """TLS between the parts of the cluster."""

    enabled: bool = key("Speak TLS with the backends that run in the cluster, and check their certificates.", False)
    services: bool = key("With `enabled`: speak TLS with st2auth, st2api and st2stream, too.", True)
    cert_manager: InternalCertManager = section("Certificates from cert-manager. Without, you make the Secrets.")
    existing_secrets: TlsSecrets = section(
        "Your own Secrets with certificates: type kubernetes.io/tls, keys `tls.crt`, `tls.key` and `ca.crt`."
    )

    @property
    def of_services(self) -> bool:
        """Whether st2auth, st2api and st2stream speak TLS."""
        return self.enabled and self.services


class ClusterTls(StrictModel):
    """TLS within the cluster."""

    internal: InternalTls = section("TLS between the parts of the cluster.")
