"""What other rooms and the command line may ask of serving."""

from app.database import Database
from app.experiments.service import get_row, holdout_rows, layer_rows
from app.serving.served import ServedExperiment, serve


def served_experiment(database: Database, key: str) -> ServedExperiment:
    """One experiment as it is served now, read from the database.

    Raises:
        NotFound: there is none with this key.
    """
    with database.read() as session:
        row = get_row(session, key)
        layers = {layer.key: layer for layer in layer_rows(session)}
        holdouts = {holdout.key: holdout for holdout in holdout_rows(session)}
        return serve(row, layers, holdouts)
