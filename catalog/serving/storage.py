"""What clients are told of the storage in which they read data files themselves: no secrets."""

from catalog.storage.bucket.store import BucketStore
from catalog.storage.store import ObjectStore

_AMAZON = ".amazonaws.com"
"""How hosts of Amazon's own servers end, of which clients know the address."""


def storage_defaults(store: ObjectStore) -> dict[str, str]:
    """Returns where a catalog's bucket is, as properties of Iceberg's clients; empty if local.

    Keys and tokens are for the clients to bring.
    """
    if not isinstance(store, BucketStore) or not store.location.startswith("s3://"):
        return {}
    from catalog.storage.s3.service import S3Service

    assert isinstance(store.service, S3Service), "it is in S3"
    access = store.service.access
    found = {"s3.region": access.region or ""}
    host = access.endpoint.partition("://")[2].partition("/")[0]
    if not host.partition(":")[0].endswith(_AMAZON):
        found["s3.endpoint"] = access.endpoint
        found["s3.path-style-access"] = "false" if access.path_style is False else "true"
    return {name: value for name, value in found.items() if value}
