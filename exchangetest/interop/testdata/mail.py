"""Logs in with XOAUTH2 by the modules of Python's standard library alone."""
import base64
import imaplib
import json
import os
import poplib
import smtplib
import ssl
import urllib.parse
import urllib.request

user = os.environ["EXO_USER"]
tls = ssl.create_default_context(cafile=os.environ["EXO_CA"])

form = {
    "grant_type": "client_credentials",
    "client_id": os.environ["EXO_CLIENT_ID"],
    "client_secret": os.environ["EXO_CLIENT_SECRET"],
    "scope": "https://outlook.office365.com/.default",
}
body = urllib.parse.urlencode(form).encode()
with urllib.request.urlopen(os.environ["EXO_TOKEN_ENDPOINT"], body, context=tls) as answer:
    token = json.load(answer)["access_token"]
response = f"user={user}\x01auth=Bearer {token}\x01\x01"


def address(name):
    host, port = os.environ[name].split(":")
    return host, int(port)


with imaplib.IMAP4_SSL(*address("EXO_IMAP"), ssl_context=tls) as imap:
    imap.authenticate("XOAUTH2", lambda challenge: response.encode())
    imap.select("INBOX", readonly=True)
    _, data = imap.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    print("IMAP", data[0][1].decode().split(":")[1].strip())

try:
    with imaplib.IMAP4_SSL(*address("EXO_IMAP"), ssl_context=tls) as imap:
        imap.authenticate("XOAUTH2", lambda challenge: response.replace(user, "x" + user).encode())
except imaplib.IMAP4.error as error:
    print("IMAP refused NO", error)

with smtplib.SMTP(*address("EXO_SMTP")) as smtp:
    smtp.starttls(context=tls)
    smtp.ehlo()
    smtp.auth("XOAUTH2", lambda challenge=None: response)
    smtp.sendmail(user, ["someone@example.com"], f"From: {user}\r\nSubject: x\r\n\r\nx\r\n")
    print("SMTP sent")

pop = poplib.POP3_SSL(*address("EXO_POP"), context=tls)
pop._shortcmd("AUTH XOAUTH2")
pop._shortcmd(base64.b64encode(response.encode()).decode())
_, lines, _ = pop.retr(1)
print("POP", lines[0].decode().split(":")[1].strip())
pop.quit()
