"""Transports bring one night's delivery here, as it is in the source, and know nothing of what it means.

The kind is `transport.kind` of a municipality.yaml, its parameters are the other keys there:

All: `fetch_at` (02:00), when in the night to ask first; `max_file_bytes` (536870912), the largest file or dataset;
`timeout_seconds` (30), the longest silence of the source; `max_seconds` (1800), the longest run; `retry_wait_seconds`
(1), the first wait before a retry; `receipts`, where receipts go.

sftp: `folder` (with `{night}`), `ready_file`, `ready_keys` (`files`, `name`, `bytes`, `rows`, `sha256`; `delivery`,
when given, is the key whose value must be the night), `reread_seconds` (1), `max_unpacked_bytes` (134217728) of a
workbook.

rest: `token_path` (/oauth/token), `resource_path` (/{resource}), `page_size` (500), `keys` (`items`, `next`, `total`,
`as_of`, `cursor`, `limit`, `since`), `overlap_minutes` (60), `max_attempts` (6) of a request, `max_wait_seconds` (300),
all waiting of a run together.

sql: `schema`, `isolation_level` (REPEATABLE READ).

share: `previous_year_until` (mm-dd; without it never), `settle_seconds` (1) for which a file must stay as it is,
`max_unpacked_bytes` as above.

What every transport raises: NotThereYet, SourceRefused, SourceUnavailable; ConfigError for a wrong key above. No
message holds a record, a secret, or what the source said.
"""

from datetime import date
from importlib import import_module

from connectors.config import Municipality
from connectors.connection import SourceConnection
from connectors.delivery import RawDelivery
from connectors.transports.common import History, HistoryOf, Progress

__all__ = ["History", "fetch", "send_receipt", "takes_receipts"]


def fetch(
    municipality: Municipality,
    night: date,
    connection: SourceConnection,
    history: HistoryOf,
    progress: Progress | None = None,
) -> tuple[RawDelivery, ...]:
    """Fetch the night's delivery: one for the night's school year, and one for the previous school year while a share
    still takes corrections to it.

    `history`: school year → what the ledger knows. `progress` hears what is being done, in English, without records.
    Raises NotThereYet, SourceRefused, SourceUnavailable.
    """
    # A transport's library takes up to half a second to import, and a night needs one of them.
    module = import_module(f"connectors.transports.{municipality.transport.kind}")
    deliveries: tuple[RawDelivery, ...] = module.fetch(municipality, night, connection, history, progress)
    return deliveries


def takes_receipts(municipality: Municipality) -> bool:
    """Whether receipts go back by the transport (else by e-mail to the municipality's contact)."""
    return municipality.transport.kind != "sql" and bool(municipality.transport.options.get("receipts"))


def send_receipt(
    municipality: Municipality, connection: SourceConnection, night: date, name: str, content: bytes
) -> None:
    """Put a receipt where the delivery came from; sending the same one again changes nothing.

    sftp, share: the file `<night>_<name>` in the folder `receipts`. rest: `content` (a JSON object) is posted to
    `receipts`. Raises ValueError when the municipality takes none or `name` is no plain file name, SourceRefused,
    SourceUnavailable.
    """
    if not takes_receipts(municipality):
        raise ValueError(f"{municipality.name}: takes no receipts by its transport; write to its contact instead")
    if not name or name.startswith(".") or any(character in name for character in '/\\:*?"<>|\0'):
        raise ValueError(f"{municipality.name}: a receipt's name must be a plain file name")
    module = import_module(f"connectors.transports.{municipality.transport.kind}")
    module.send_receipt(municipality, connection, f"{night.isoformat()}_{name}", content)
