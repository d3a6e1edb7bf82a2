"""A connection for each mail, some side by side: `python bench/mail_each.py HOST PORT FILE COUNT AT_ONCE`."""

import smtplib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def main() -> None:
    host, port, letter, count, at_once = sys.argv[1:]
    content = Path(letter).read_bytes()

    def send(_number: int) -> None:
        with smtplib.SMTP(host, int(port)) as relay:
            relay.sendmail("kansli@kommunen.example", ["sekreterare@kommunen.example"], content)

    with ThreadPoolExecutor(int(at_once)) as threads:
        list(threads.map(send, range(int(count))))


if __name__ == "__main__":
    main()
