"""The archive's states and acts in the words of who reads the pages."""

_STATES = {
    "filed": "Går till sammanträdet",
    "held": "Hålls tillbaka",
    "returned": "Återlämnad",
    "rejected": "Avvisad",
    "frozen": "Ingår i paket",
    "reported": "Anmäld på sammanträdet",
}

_ACTS = {
    "report.filed": "Lagd till sammanträdet",
    "report.held": "Hålls tillbaka",
    "report.released": "Släppt",
    "report.returned": "Återlämnad till avsändaren",
    "report.moved": "Flyttad till ett annat sammanträde",
    "report.decided": "Ordförandens beslut noterat",
    "report.masked": "Maskerad",
    "report.numbered": "Diarienummer noterat",
    "report.ordered": "Ordningen ändrad",
    "report.undone": "Senaste åtgärden ångrad",
    "submission.documented": "Avvisad",
    "packet.frozen": "Fryst i ett paket",
    "report.reported": "Anmäld på sammanträdet",
}

_DONE = {
    "report.held": "Rapporten hålls tillbaka.",
    "report.released": "Rapporten är släppt och går till sammanträdet.",
    "report.returned": "Rapporten är återlämnad. Avsändaren får ett brev med skälet.",
    "report.moved": "Rapporten är flyttad.",
    "report.decided": "Ordförandens beslut är noterat. Rapporten bedöms på nytt.",
    "report.masked": "Rapporten är maskerad. Originalet är förseglat.",
    "report.numbered": "Diarienumret är noterat.",
    "report.ordered": "Ordningen är ändrad.",
    "report.undone": "Åtgärden är ångrad.",
}

_LETTERS = {"sent": "Skickat", "failed": "Kom inte fram", "bounced": "Studsade"}

_RECIPIENTS = {
    "filed": "Till sekreteraren",
    "held": "Till sekreteraren",
    "rejected_secretary": "Till sekreteraren",
    "rejected_submitter": "Till avsändaren",
    "returned": "Till avsändaren",
    "received": "Till avsändaren",
    "gathered": "Till sekreteraren",
    "moved": "Till sekreteraren",
}
"""By the kind of letter, as notification names it."""

_LETTER_KINDS = {
    "filed": "Ny rapport",
    "held": "Rapport som hålls tillbaka",
    "gathered": "Nya rapporter",
    "moved": "Ändrat sammanträde",
    "frozen": "Färdiga handlingar",
    "reminder": "Påminnelse inför manusstopp",
    "unseen": "Rapporter som ingen har öppnat",
    "unarrived": "Mejl som inte kom fram",
}

_KIBIBYTE = 1024


def status_in_words(status: str) -> str:
    return _STATES.get(status, status)


def act_in_words(event: str) -> str:
    return _ACTS.get(event, event)


def done_in_words(event: str) -> str:
    """What the page says once, after the act."""
    return _DONE.get(event, "Klart.")


def letter_in_words(state: str) -> str:
    return _LETTERS.get(state, state)


def recipient_in_words(kind: str) -> str:
    return _RECIPIENTS.get(kind, kind)


def letter_kind_in_words(kind: str) -> str:
    """What the letter is about."""
    return _LETTER_KINDS.get(kind, kind)


def size_in_words(size: int) -> str:
    """`340 kB`, `1,2 MB`: rounded up, so that nothing is 0 kB."""
    kibibytes = -(-size // _KIBIBYTE)
    if kibibytes < _KIBIBYTE:
        return f"{kibibytes} kB"
    return f"{kibibytes / _KIBIBYTE:.1f} MB".replace(".", ",")


def reports_in_words(count: int) -> str:
    return f"{count} {'rapport' if count == 1 else 'rapporter'}"


def actor_in_words(by: str) -> str:
    """People by their names, without the id that their signature also has; the house by its own."""
    return _ACTORS.get(by) or by.partition(" (")[0]


_ACTORS = {"kansli": "Kansli", "loopback": "Någon vid den här datorn"}
