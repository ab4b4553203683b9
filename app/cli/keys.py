"""`offerlab keys`: make, list and revoke API keys, and make one-time login links."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import click

from app.clock import SystemClock
from app.database import Database, prepare
from app.settings import Settings

KINDS = click.Choice(["pub", "srv", "ro", "mgr", "adm"])


@contextmanager
def open_database() -> Iterator[tuple[Settings, Database]]:
    """The database of the settings in force, at its head."""
    settings = Settings()
    database = Database(settings.url)
    try:
        prepare(database, settings)
        yield settings, database
    except RuntimeError as error:
        raise click.ClickException(str(error)) from None
    finally:
        database.close()


@click.group()
def keys() -> None:
    """Make, list and revoke API keys.

    \b
    Example:
      offerlab keys create --kind srv --name storefront
    """


@keys.command("create")
@click.option("--kind", type=KINDS, required=True, help="What the key may do.")
@click.option("--name", required=True, help="Who uses it; shown in the audit log.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def create(kind: str, name: str, as_json: bool) -> None:
    """Make a key and print it once.

    \b
    Example:
      offerlab keys create --kind mgr --name "Anna"
    """
    from app.access.service import create_key

    with open_database() as (_, database):
        made = create_key(database, kind, name, SystemClock().now_us(), actor="command line")
    click.echo(json.dumps(made) if as_json else made["key"])


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List the keys (never their text).

    \b
    Example:
      offerlab keys list
    """
    from app.access.service import list_keys

    with open_database() as (_, database):
        found = list_keys(database)
    if as_json:
        click.echo(json.dumps(found))
        return
    for key in found:
        state = "revoked" if key["revoked_at"] else "active"
        click.echo(f"{key['id']}  {key['kind']:4} {state:8} {key['prefix']}…  {key['name']}")


@keys.command("revoke")
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Revoke a key; every replica knows within 2 seconds.

    \b
    Example:
      offerlab keys revoke k_01hx
    """
    from app.access.service import revoke_key
    from app.errors import Refusal

    with open_database() as (_, database):
        try:
            revoke_key(database, key_id, SystemClock().now_us(), actor="command line")
        except Refusal as refusal:
            raise click.ClickException(str(refusal)) from None
    click.echo(f"revoked {key_id}")


@keys.command("login-link")
@click.option(
    "--role", type=click.Choice(["ro", "mgr", "adm"]), default="mgr", help="What the person may do."
)
def login_link(role: str) -> None:
    """Print a one-time link that logs a person in to the pages (valid for one hour).

    \b
    Example:
      offerlab keys login-link --role ro
    """
    from app.pages.service import make_login_link

    with open_database() as (settings, database):
        click.echo(make_login_link(database, settings, role, SystemClock().now_us()))
