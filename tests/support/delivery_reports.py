"""Reports of delivery as mail servers write them; people and places are made up."""

from datetime import datetime
from email.utils import format_datetime

HEAD = """\
From: MAILER-DAEMON@post.kommunen.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: kansli@kommunen.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Date: {date}
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4C1.1763640000/post.kommunen.example"

"""

PARTS = """\
This is a MIME-encapsulated message.

--4C1.1763640000/post.kommunen.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients.

--4C1.1763640000/post.kommunen.example
Content-Description: Delivery report
Content-Type: message/delivery-status{encoding}

{status}
--4C1.1763640000/post.kommunen.example
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Subject: =?utf-8?q?1_rapport_att_granska?=

--4C1.1763640000/post.kommunen.example--
"""

STATUS = """\
Reporting-MTA: dns; post.kommunen.example
Original-Envelope-Id: {letter_id}
Arrival-Date: Fri, 20 Nov 2026 13:00:00 +0100 (CET)

Final-Recipient: rfc822; nora@kommunen.example
Original-Recipient: rfc822;nora@kommunen.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 <nora@kommunen.example> finns inte
"""


def status(letter_id: str, action: str = "failed", code: str = "5.1.1") -> str:
    return STATUS.format(letter_id=letter_id, action=action, status=code)


def report(letter_id: str, action: str, at: datetime, code: str = "5.1.1") -> bytes:
    """A whole report, as Postfix writes it."""
    return mail(status(letter_id, action, code), format_datetime(at))


def mail(told: str, date: str, encoding: str = "") -> bytes:
    encoded = f"\nContent-Transfer-Encoding: {encoding}" if encoding else ""
    return (HEAD.format(date=date) + PARTS.format(status=told, encoding=encoded)).encode()
