"""What other rooms and the command line may ask of serving."""

from app.database import Database
from app.experiments.service import forced_rows, get_row, holdout_rows, layer_rows, segment_rows
from app.serving.served import ServedExperiment, Surroundings, serve


def served_experiment(database: Database, key: str) -> ServedExperiment:
    """One experiment as it is served now, read from the database.

    Raises:
        NotFound: there is none with this key.
    """
    with database.read() as session:
        row = get_row(session, key)
        around = Surroundings.of(
            layer_rows(session), holdout_rows(session), segment_rows(session), forced_rows(session)
        )
        return serve(row, around)
