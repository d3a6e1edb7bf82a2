"""What lets a service in at an object store, where one is used in the place of a folder.

S3's own programs read it from the environment, which shows it to who may look at the process; here it is
a setting as every other secret is, and can be a file.
"""

from typing import Annotated

from pydantic import AfterValidator, SecretStr


def id_and_secret(key: SecretStr) -> tuple[str, str]:
    """The two parts of `id:secret`; raises `ValueError` when one is missing."""
    public, _, secret = key.get_secret_value().partition(":")
    if not public or not secret:
        raise ValueError("write id:secret")
    return public, secret


def _in_two(key: SecretStr) -> SecretStr:
    id_and_secret(key)
    return key


ObjectsKey = Annotated[SecretStr, AfterValidator(_in_two)]
"""The id of an access key and its secret, as `id:secret`."""

OBJECTS_KEY = (
    "The object store's access key, id:secret; without it AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
)
