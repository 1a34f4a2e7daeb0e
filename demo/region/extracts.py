"""What the four sources hold on a given morning, each in its own way."""

from datetime import date
from pathlib import Path

from demo.region import iisalmi, kuopio, siilinjarvi, varkaus
from demo.region.calendars import school_year
from demo.region.model import Region


def write_night(region: Region, night: date, folder: Path) -> None:
    """Writes the extracts of the morning of `night` into `folder/<municipality>/`; what is there already is replaced.

    `kuopio/lahtevat/<night>/*.csv` and `valmis.json`; `siilinjarvi/*.json`; `iisalmi/v_*.parquet`;
    `varkaus/Varkaus_<lukuvuosi>.xlsx`. The items are those of the night's school year that the source knew of by then.
    Kuopio's marks go back to 1.8. when `folder` has no earlier night of the school year, else 20 days.
    Raises ValueError for a night outside 2024-08-01 to 2026-07-31.
    """
    school_year(night)
    kuopio.write(region, night, folder / "kuopio")
    siilinjarvi.write(region, night, folder / "siilinjarvi")
    iisalmi.write(region, night, folder / "iisalmi")
    varkaus.write(region, night, folder / "varkaus")
