"""The config version: one row that every change of what is served counts up."""

from sqlalchemy import BigInteger, CheckConstraint, Column
from sqlmodel import Field, SQLModel


class ConfigRow(SQLModel, table=True):
    """The one row.

    Attributes:
        id: always 1.
        version: counts changes of experiments, layers, holdouts and keys.
    """

    __tablename__ = "config"
    __table_args__ = (CheckConstraint("id = 1", name="config_one_row"),)

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    version: int = Field(sa_column=Column(BigInteger, nullable=False))
