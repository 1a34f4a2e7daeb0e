"""A night's build without a release: the harmonised layer and the marts, of which nothing is shown."""

from datetime import date

from connectors.config import load_municipalities
from pipeline import transform
from pipeline.reference import load_reference
from pipeline.release import choose_deliveries
from pipeline.settings import Settings
from pipeline.warehouse import connect, warehouse_url


def build_night(settings: Settings, night: date) -> None:
    """Builds what a release of that night would check, protect and show. Raises TransformError."""
    with connect(settings) as connection:
        load_reference(connection, load_municipalities(settings.municipalities))
        choose_deliveries(connection, night)
    transform.build(warehouse_url(settings), settings.dbt_target, night=night)
