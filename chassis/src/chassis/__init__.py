"""What all services stand on.

Before anything else is loaded, two things are left out of it: the ORM, which comes with SQLAlchemy's
asynchronous engine and takes 6 MB of each process, and rich, with which structlog would draw a trace on a
terminal where rich happens to be installed; that is 4 MB, for logs that are JSON.
"""

from chassis.left_out import leave_out, not_to_be_found

leave_out("sqlalchemy.ext.asyncio.session", "sqlalchemy.ext.asyncio.scoping")

with not_to_be_found("rich"):
    import structlog as structlog
