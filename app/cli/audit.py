"""`offerlab audit`: prove that nobody changed the record, or name the row that was changed."""

import json

import click

from app.cli.keys import open_database


@click.group()
def audit() -> None:
    """Prove that nobody has tampered with the audit log.

    \b
    Example:
      offerlab audit verify
    """


@audit.command("verify")
@click.option("--head", help="A hash noted earlier; it must still be in the chain (finds rows cut off).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(head: str | None, as_json: bool) -> None:
    """Recompute the chain of hashes; exit code 1 and the first row that does not fit when it is broken.

    \b
    Example:
      offerlab audit verify --head 5f1c…
    """
    from app.audit.service import proof

    with open_database() as (_, database), database.read() as session:
        found = proof(session, head)
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo(_words(found))
    if not found["ok"]:
        raise SystemExit(1)


def _words(found: dict[str, object]) -> str:
    broken = found["broken"]
    if isinstance(broken, dict):
        what = f"row {broken['id']} ({broken['action']} of {broken['subject']} at {broken['at']})"
        return f"BROKEN  {what} was changed, or a row before it was removed or put in"
    if not found["ok"]:
        return "BROKEN  the hash noted earlier is not in the chain: rows at its end were removed"
    return f"ok      {found['entries']} entries, newest hash {found['head']}"
