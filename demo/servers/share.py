"""Varkaus: a file share with one Excel workbook.

The share is a folder under another name, as a mount point is: taking the link away is a share that cannot be reached,
while the workbook behind it can still be edited.
"""

from pathlib import Path

RECEIPTS = "kuittaukset"


def share_url(folder: Path) -> str:
    """The fsspec URL of a share's folder, e.g. `file:///srv/varkaus`; receipts go to `kuittaukset` below it.

    fsspec reads a local URL as it stands, so nothing in it is percent-encoded.
    """
    return f"file://{folder.absolute()}"


def mount(folder: Path, mount_point: Path) -> Path:
    """Make `folder` reachable as `mount_point` (a link; an older one is replaced) and return `mount_point`.

    `folder` and its `kuittaukset` are created when missing. Raises FileExistsError when `mount_point` is something
    else than a link.
    """
    (folder / RECEIPTS).mkdir(parents=True, exist_ok=True)
    unmount(mount_point)
    mount_point.parent.mkdir(parents=True, exist_ok=True)
    mount_point.symlink_to(folder.resolve(), target_is_directory=True)
    return mount_point


def unmount(mount_point: Path) -> None:
    """Take the share away; its files stay. Does nothing when it is not there."""
    if mount_point.is_symlink():
        mount_point.unlink()
