"""``workbench serve``: the API server."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.errors import plain_errors

if TYPE_CHECKING:
    from workbench.api.settings import Oidc

__all__ = ["serve"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(context_settings={"auto_envvar_prefix": "WORKBENCH_SERVE", "show_default": True})
@click.option("--url", metavar="URL", help="The store, as a login made by `workbench store api-login`: postgresql://gate@host/name. By default the store on this machine. Passwords belong in ~/.pgpass.")  # fmt: skip
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", default=8000, type=click.IntRange(0, 65535), help="Port to listen on; 0: any.")
@click.option("--tls-cert", type=_FILE, help="Certificate chain (PEM), to speak https.")
@click.option("--tls-key", type=_FILE, help="Its private key (PEM).")
@click.option("--tls-client-ca", type=_FILE, help="Only clients with a certificate of these authorities (PEM).")  # fmt: skip
@click.option("--trusted-proxy", multiple=True, metavar="CIDR", help="A proxy in front of the server, whose Forwarded and X-Forwarded-For are believed; may be repeated.")  # fmt: skip
@click.option("--origin", multiple=True, metavar="ORIGIN", help="A web origin whose pages may call (https://portal.example); may be repeated. By default none.")  # fmt: skip
@click.option("--audience", default="ip-workbench", help="What our own tokens must be for.")
@click.option("--oidc-issuer", metavar="URL", help="An OpenID provider whose tokens are taken.")
@click.option("--oidc-audience", metavar="TEXT", help="What its tokens must be for.")
@click.option("--oidc-jwks", metavar="URL|FILE", help="Its keys; by default where its discovery document says.")  # fmt: skip
@click.option("--oidc-algorithm", default="RS256", metavar="ALG", help="The only algorithm taken of it.")
@click.option("--oidc-claim", default="sub", metavar="NAME", help="The claim that names the member.")
@click.option("--oidc-roles", type=_FILE, help="JSON object from values of the claim to members' roles; by default the value is the role.")  # fmt: skip
@click.option("--pool", default=10, type=click.IntRange(1, 500), help="Connections to the database.")
@click.option("--per-minute", default=600, type=click.IntRange(1), help="Operations of one member a minute; a fifth of it at once.")  # fmt: skip
@click.option("--timeout", default=30.0, type=click.FloatRange(1, 600), help="Seconds a request may take.")
@click.option("--max-cost", default=100_000, type=click.IntRange(1), help="Objects that one operation may bring back.")  # fmt: skip
@click.option("--max-depth", default=15, type=click.IntRange(1), help="Levels of fields in one operation.")
@click.option("--max-body", default=2 << 20, type=click.IntRange(1024), help="Bytes of one request.")
@click.option("--max-connections", default=2_000, type=click.IntRange(1), help="Connections that serve members at one time; further members are told to come back.")  # fmt: skip
@click.option("--max-per-address", default=250, type=click.IntRange(1), help="Connections of one address (of IPv6 a /64) that serve nobody; a further one ends the eldest. Not counted for a trusted proxy.")  # fmt: skip
@click.option("--max-requests", default=100, type=click.IntRange(1), help="Requests of one member at one time.")  # fmt: skip
@click.option("--max-sockets", default=50, type=click.IntRange(1), help="WebSocket connections of one member.")  # fmt: skip
@click.option("--introspection/--no-introspection", default=True, help="Whether the schema can be asked for.")
@click.option("--queries", type=_FILE, help="Answer these queries only: a JSON object from SHA-256 to query.")
@click.option("--metrics-from", multiple=True, metavar="CIDR", default=("127.0.0.0/8", "::1/128"), help="Who may read /metrics; may be repeated.")  # fmt: skip
@click.option("--log", type=click.Choice(["json", "plain"]), help="Lines for machines or for people; by default what standard error is.", show_default=False)  # fmt: skip
@plain_errors
def serve(
    url: str | None, host: str, port: int, tls_cert: Path | None, tls_key: Path | None, tls_client_ca: Path | None,
    trusted_proxy: tuple[str, ...], origin: tuple[str, ...], audience: str, oidc_issuer: str | None, oidc_audience: str | None,
    oidc_jwks: str | None, oidc_algorithm: str, oidc_claim: str, oidc_roles: Path | None, pool: int, per_minute: int,
    timeout: float, max_cost: int, max_depth: int, max_body: int, max_connections: int, max_per_address: int,
    max_requests: int, max_sockets: int, introspection: bool, queries: Path | None, metrics_from: tuple[str, ...], log: str | None,
) -> None:  # fmt: skip
    """Serve the store to others: GraphQL and TAXII 2.1.

    GraphQL is at /graphql, over HTTP and WebSocket (graphql-transport-ws), TAXII at /taxii2/.

    Whoever asks brings a token and sees what she would see in the database: each transaction takes on her role. A member
    with a list of countries (`workbench store member --country`) is let in from there only, by the address she comes from.

    \b
    On your own machine:
      workbench serve
      curl -H "Authorization: Bearer $(workbench token create)" http://127.0.0.1:8000/graphql \\
           --json '{"query": "{ me { role organisation { name } } }"}'

    \b
    For others, behind a proxy that ends TLS:
      workbench store api-login gate --password
      workbench serve --url postgresql://gate@db.example/workbench --trusted-proxy 10.0.0.5 \\
           --oidc-issuer https://login.example/realms/cert --oidc-audience workbench --oidc-claim preferred_username

    Connections that show no good token hold nobody up: at --max-connections and a tenth more, and at --max-per-address, the
    one that has served nobody for longest makes way for the next.

    Ctrl-C lets requests end, tells WebSocket clients to come back, and stops; twice stops at once. Every option can be
    given by the environment as WORKBENCH_SERVE_…, such as WORKBENCH_SERVE_TRUSTED_PROXY. /healthz tells that the server
    runs, /readyz that it can answer, /metrics is for Prometheus.
    """
    from workbench.api.logs import set_up
    from workbench.api.running import listen, make_room, make_server, run
    from workbench.api.settings import Limits, Settings, networks
    from workbench.intel.home import home

    if (tls_cert is None) != (tls_key is None) or (tls_client_ca and not tls_cert):
        raise click.UsageError("--tls-cert and --tls-key go together, --tls-client-ca with them")
    limits = Limits(
        depth=max_depth,
        cost=max_cost,
        body_bytes=max_body,
        request_seconds=timeout,
        per_minute=per_minute,
        connections=max_connections,
        per_address=max_per_address,
        requests=max_requests,
        sockets=max_sockets,
    )
    settings = Settings(
        url or _own_store(), home() / "api", audience, _oidc(oidc_issuer, oidc_audience, oidc_jwks, oidc_algorithm, oidc_claim, oidc_roles),
        pool, networks(*trusted_proxy), origin, networks(*metrics_from), introspection, queries, limits,
    )  # fmt: skip
    set_up(as_json=log == "json" if log else not sys.stderr.isatty())
    make_room(settings)
    server = make_server(settings, certificate=tls_cert, key=tls_key, client_ca=tls_client_ca)
    if tls_cert is None and not trusted_proxy and host not in ("127.0.0.1", "::1", "localhost"):
        click.echo(
            "warning: tokens travel in clear: give --tls-cert and --tls-key, or --trusted-proxy", err=True
        )
    run(server, listen(host, port))


def _own_store() -> str:
    """The store on this machine, set up where it is not, as a login for the server."""
    from workbench.store import Administration, connect_store
    from workbench.store.administering.server import as_role, embedded

    connect_store().close()
    superuser = embedded()
    with Administration(superuser) as administration:
        administration.add_api_login("workbench_gate")
    return as_role(superuser, "workbench_gate")


def _oidc(issuer: str | None, audience: str | None, jwks: str | None, algorithm: str, claim: str, roles: Path | None) -> Oidc | None:  # fmt: skip
    from workbench.api.settings import Oidc

    if issuer is None:
        return None
    if audience is None:
        raise click.UsageError("--oidc-audience is needed: else tokens for any other service were taken")
    if algorithm not in (
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "EdDSA",
    ):
        raise click.UsageError(f"--oidc-algorithm {algorithm}: an algorithm of public keys is needed, such as RS256")  # fmt: skip
    mapping: Any = None
    if roles is not None:
        mapping = json.loads(roles.read_text(encoding="utf-8"))
        if not isinstance(mapping, dict) or not all(isinstance(role, str) for role in mapping.values()):
            raise ValueError(f"{roles}: a JSON object from values of {claim!r} to roles is expected")
    return Oidc(issuer, audience, jwks, algorithm, claim, mapping)
