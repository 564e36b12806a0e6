"""Files below a URL that fsspec understands: fetched whole, and again when the network fails."""

import errno
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docexp.errors import DocexpError

TRIES = 5
"""How often a file is asked for; the pauses between grow from ``PAUSE`` seconds, doubling."""
PAUSE = 0.5
SILENCE = 60.0
"""Seconds without a byte after which a connection over HTTP is given up."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FINAL = (FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError)


def is_url(place: str) -> bool:
    """Whether a place is a URL rather than a folder."""
    return "://" in place


@dataclass(frozen=True)
class RemoteFolder:
    """A folder behind a URL such as ``https://…``, ``s3://…``, ``gs://…``, ``hf://…`` or ``file://…``."""

    url: str

    def fetch(self, name: str, target: Path) -> None:
        """Writes the file ``name`` to ``target``, from its beginning each time it is tried.

        Raises:
            DocexpError: it is not there, may not be read, its protocol needs a package, or the network fails for good.
            OSError: the disk here is full, which trying again does not mend.
        """
        where = f"{self.url.rstrip('/')}/{name}"
        for number in range(TRIES):
            try:
                files = _file_system(where)
                files.get_file(files._strip_protocol(where), str(target))
                return
            except DocexpError:
                raise
            except _FINAL as error:
                raise DocexpError(f"{where} cannot be read: {_reason(error)}") from None
            except Exception as error:  # the clients' own kinds: a connection refused, reset, cut off, too slow
                if isinstance(error, OSError) and error.errno in _FULL:
                    raise
                if number == TRIES - 1:
                    raise DocexpError(f"{where} cannot be fetched, tried {TRIES} times: {_reason(error)}") from error
            time.sleep(PAUSE * 2**number)


def _file_system(url: str) -> Any:
    """The client for a URL, made anew: one that was made before a fork must not be used after it.

    Raises:
        DocexpError: the protocol is unknown, or its package is not installed.
    """
    import fsspec
    from fsspec.registry import known_implementations

    protocol = url.partition("://")[0]
    options: dict[str, Any] = {}
    if protocol in ("http", "https"):
        import aiohttp

        # aiohttp gives up after five minutes in all, which a large tar may take
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=SILENCE, sock_read=SILENCE)
        options = {"client_kwargs": {"timeout": timeout}}
    try:
        return fsspec.filesystem(protocol, skip_instance_cache=True, **options)
    except ImportError:
        package = known_implementations.get(protocol, {}).get("class", protocol).partition(".")[0]
        raise DocexpError(f"{protocol}:// needs a package that is not installed: pip install {package}") from None
    except ValueError:
        raise DocexpError(
            f"{url}: {protocol}:// is no protocol that fsspec knows, as https, s3, gs and hf are"
        ) from None


def _reason(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    return (str(error).strip() or type(error).__name__).splitlines()[0]
