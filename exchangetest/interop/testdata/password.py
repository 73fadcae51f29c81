"""Logs in with a password by the modules of Python's standard library alone."""
import imaplib
import os
import poplib
import smtplib
import ssl

user = os.environ["EXO_USER"]
password = os.environ["EXO_PASSWORD"]
tls = ssl.create_default_context(cafile=os.environ["EXO_CA"])


def address(name):
    host, port = os.environ[name].split(":")
    return host, int(port)


def attempt(name, login):
    try:
        print(name, "taken", login())
    except (imaplib.IMAP4.error, poplib.error_proto, smtplib.SMTPException) as error:
        print(name, "refused", error)


def imap_login():
    with imaplib.IMAP4_SSL(*address("EXO_IMAP"), ssl_context=tls) as imap:
        imap.login(user, password)
        return imap.select("INBOX", readonly=True)[0]


def imap_plain():
    with imaplib.IMAP4_SSL(*address("EXO_IMAP"), ssl_context=tls) as imap:
        imap.authenticate("PLAIN", lambda challenge: f"\0{user}\0{password}".encode())
        return imap.select("INBOX", readonly=True)[0]


def pop_pass():
    pop = poplib.POP3_SSL(*address("EXO_POP"), context=tls)
    try:
        pop.user(user)
        pop.pass_(password)
        return pop.stat()
    finally:
        pop.quit()


def smtp_login():
    with smtplib.SMTP(*address("EXO_SMTP")) as smtp:
        smtp.starttls(context=tls)
        smtp.login(user, password)
        return smtp.sendmail(user, ["someone@example.com"], f"From: {user}\r\nSubject: x\r\n\r\nx\r\n")


attempt("LOGIN", imap_login)
attempt("PLAIN", imap_plain)
attempt("PASS", pop_pass)
attempt("SMTP", smtp_login)
