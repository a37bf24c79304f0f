"""How to reach buckets, beyond what the services' libraries find by themselves."""

from catalog.dataclasses import dataclass, field, fields
from catalog.messages import masked


class _Shown:
    """Shows options without the secrets that a URL in them may contain."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = (one.name for one in fields(self) if one.repr)  # type: ignore[arg-type]
        pairs = ((name, getattr(self, name)) for name in shown)
        inside = ", ".join(f"{name}={value!r}" for name, value in pairs)
        return masked(f"{type(self).__name__}({inside})")


@dataclass(frozen=True, slots=True, repr=False)
class S3Options(_Shown):
    """How to reach S3, beyond what boto3 finds in its environment and profiles.

    Attributes:
        endpoint_url: The server; None means what boto3 is configured for.
        region: The region; None means what boto3 is configured for.
        profile: The profile of boto3's configuration; None means its default.
        path_style: Whether bucket names are in paths rather than host names; None leaves the
            choice to boto3.
        chosen_by: The file that chose these options, named when its server is first asked; None
            if no file did.
    """

    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    path_style: bool | None = None
    chosen_by: str | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class GcsOptions(_Shown):
    """How to reach Google Cloud Storage, beyond what Google's library finds by itself.

    Attributes:
        endpoint_url: The server; None means Google's, or STORAGE_EMULATOR_HOST. No credentials
            are sent to one that begins with ``http://``, nor to one that a file chose unless it
            is Google's.
        chosen_by: The file that chose these options, named when its server is first asked; None
            if no file did.
    """

    endpoint_url: str | None = None
    chosen_by: str | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class AzureOptions(_Shown):
    """How to reach Azure Blob Storage, beyond what is in the environment.

    Attributes:
        account: The storage account; None means AZURE_STORAGE_ACCOUNT.
        endpoint_url: The server, with the account in its path if the server expects it there;
            None means the account's in Azure's public cloud.
        chosen_by: The file that chose these options, named when its server is first asked; None
            if no file did.
    """

    account: str | None = None
    endpoint_url: str | None = None
    chosen_by: str | None = field(default=None, compare=False, repr=False)
