"""Alerts by mail: to the configured SMTP server, or through the host's own sendmail(8)."""

from __future__ import annotations

import contextlib
import shutil
import smtplib
import socket
import subprocess
from email.message import EmailMessage
from typing import Final

from hacluster.director.words import SendMail

LIMIT_S: Final = 30.0
_SENDMAIL: Final = ("/usr/sbin/sendmail", "/usr/lib/sendmail")


def compose(letter: SendMail) -> EmailMessage:
    """The message. Without ``emailalertfrom`` it comes from root at this host."""
    message = EmailMessage()
    message["Subject"] = " ".join(letter.subject.split())
    message["From"] = letter.mail.sender or f"ldirectord@{socket.getfqdn()}"
    message["To"] = ", ".join(letter.mail.to)
    message["X-Mailer"] = "ldirectord"
    message.set_content("\n".join((letter.subject, "", *letter.lines)) + "\n")
    return message


def deliver(letter: SendMail) -> str:
    """Send it; what went wrong, or an empty text. Blocks up to :data:`LIMIT_S` a step: call it from a thread."""
    message = compose(letter)
    try:
        if letter.mail.smtp:
            host, _, port = letter.mail.smtp.partition(":")
            with smtplib.SMTP(host, int(port or 25), timeout=LIMIT_S) as server:
                server.send_message(message)
            return ""
        program = next((path for path in _SENDMAIL if shutil.which(path)), None)
        if program is None:
            return "there is no sendmail on this host: write smtp = SERVER"
        done = subprocess.run(
            [program, "-t", "-i"], input=message.as_bytes(), capture_output=True, timeout=LIMIT_S, check=False
        )
    except (OSError, smtplib.SMTPException, subprocess.SubprocessError, ValueError) as error:
        with contextlib.suppress(Exception):
            return str(error) or type(error).__name__
        return type(error).__name__
    return "" if done.returncode == 0 else f"sendmail ended with {done.returncode}"
