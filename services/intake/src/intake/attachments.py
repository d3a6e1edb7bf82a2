"""A file that came along is kept as an object, and travels as a reference to it."""

from chassis.objects import Objects
from intake.events import Attachment
from intake.inspector import Inspected


async def keep(objects: Objects, file: Inspected) -> Attachment:
    """Store the file durably.

    Raises:
        StoreUnavailable: it could not be stored.
    """
    kept = await objects.keep(file.content)
    return Attachment(
        name=file.name,
        media_type=file.media_type,
        size=kept.size,
        sha256=kept.sha256,
        object=kept.object,
        personal_number=file.personal_number,
    )
