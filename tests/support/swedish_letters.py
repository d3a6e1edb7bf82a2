"""Letters whose subjects and names are long and Swedish, which is where mail programs go wrong."""

import random
from dataclasses import replace
from datetime import UTC, datetime

from notification.letters import Letter

LETTER = Letter(
    id="0198f4a2-6c1e-7d3b-9a55-0c9d2f1b7e44.1.rejected_submitter.c62209927e2150ec",
    kind="rejected_submitter",
    committee="valfard",
    submission_id="0198f4a2-6c1e-7d3b-9a55-0c9d2f1b7e44",
    recipient_name="Åsa Ek",
    recipient_address="asa@exempel.se",
    subject="Din rapport behöver rättas",
    text="Rätta rapporten.\n.\n.Punkt först på raden.\n",
    html="<p>Rätta rapporten. . .Punkt först på raden.</p>",
    message_id="<0198f4a2.1.rejected_submitter.c62209927e2150ec@exempel.se>",
    created_at=datetime(2026, 11, 20, 13, 3, tzinfo=UTC),
)
WORDS = (
    *("omsorgsnämnden", "Välfärd-", "och", "servicenämnden", "Räddningstjänstförbundet", "9"),
    *("äldreomsorg", "Åsa", "Öst", "i", "å", "(besök)", "§ 14", "–", "=?utf-8?q?x?=", "=20", "_"),
    *("kontaktpolitikerrapporter", "december", "Lindgården,", '"Eken"', "klockan", "12.00", "🌲"),
    "samhällsbyggnadsnämndsordförandeskapsutbildningsmaterialförteckningsöversättning",
)


def swedish_letter(seed: int) -> Letter:
    dice = random.Random(seed)
    subject, name = (" ".join(dice.choices(WORDS, k=dice.randint(1, 12))) for _ in range(2))
    return replace(LETTER, subject=subject, recipient_name=name)
