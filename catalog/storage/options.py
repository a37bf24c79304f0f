"""How to reach buckets, beyond what the services' libraries find by themselves."""

from dataclasses import dataclass, fields

from catalog.messages import masked


class _Shown:
    """Shows options without the secrets that a URL in them may contain."""

    __slots__ = ()

    def __repr__(self) -> str:
        pairs = ((one.name, getattr(self, one.name)) for one in fields(self))  # type: ignore[arg-type]
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
    """

    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    path_style: bool | None = None


@dataclass(frozen=True, slots=True, repr=False)
class GcsOptions(_Shown):
    """How to reach Google Cloud Storage, beyond what Google's library finds by itself.

    Attributes:
        endpoint_url: The server; None means Google's, or STORAGE_EMULATOR_HOST. No credentials
            are sent to one that begins with ``http://``.
    """

    endpoint_url: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class AzureOptions(_Shown):
    """How to reach Azure Blob Storage, beyond what is in the environment.

    Attributes:
        account: The storage account; None means AZURE_STORAGE_ACCOUNT.
        endpoint_url: The server, with the account in its path if the server expects it there;
            None means the account's in Azure's public cloud.
    """

    account: str | None = None
    endpoint_url: str | None = None
