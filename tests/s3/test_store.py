"""The store in S3 keeps what every store promises, on two servers that share no code."""

from catalog.storage.bucket.store import BucketStore
from tests.storage.bucket_contract import BucketStoreContract


class TestS3Store(BucketStoreContract):
    part_bytes = 5 << 20
    compares = False
    sorts = False  # SeaweedFS goes by directories

    def check_parts(self, store: BucketStore, version: str) -> None:
        assert version.endswith('-3"'), "three parts"
        uploads = store.service.client.list_multipart_uploads(Bucket=store.bucket)
        assert "Uploads" not in uploads
