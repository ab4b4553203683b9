"""app.engine.sql: THE QUESTIONS, one SQL text each.

Question: what is counted, in words every engine understands?
In: the tables of `app.engine.tables` and the parameter tables of `app.engine.parameters`. Out: SELECT texts.
May import: nothing.
Next door: which of them run, in which order and where is `app.engine.duckdb`.
"""

from functools import cache
from importlib.resources import files


@cache
def question(name: str) -> str:
    """The SELECT text of one question.

    The texts use plain SQL and one function the engine must offer: `div_round(a, b)`, integer division for
    b > 0 rounded half away from zero.

    Args:
        name: file name without `.sql`, for example `moments`.

    Raises:
        FileNotFoundError: there is no such question.
    """
    return (files(__name__) / f"{name}.sql").read_text(encoding="utf-8")
