# Logs in with a token of a few seconds, or to a server that wants to hear its
# client, and waits without a word: what does the server say?
import base64
import imaplib
import json
import os
import poplib
import smtplib
import ssl
import urllib.parse
import urllib.request

tls = ssl.create_default_context(cafile=os.environ["EXO_CA"])
user = os.environ["EXO_USER"]


def address(name):
    host, port = os.environ[name].rsplit(":", 1)
    return host, int(port)


def token():
    form = {
        "grant_type": "client_credentials",
        "client_id": os.environ["EXO_CLIENT_ID"],
        "client_secret": os.environ["EXO_CLIENT_SECRET"],
        "scope": "https://outlook.office365.com/.default",
    }
    data = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(os.environ["EXO_TOKEN_ENDPOINT"], data, context=tls) as answer:
        return json.load(answer)["access_token"]


def response():
    return ("user=%s\x01auth=Bearer %s\x01\x01" % (user, token())).encode()


imap = imaplib.IMAP4_SSL(*address("EXO_IMAP"), ssl_context=tls)
imap.authenticate("XOAUTH2", lambda _: response())
imap.select("INBOX")
imap.send(b"X1 IDLE\r\n")
while not imap.readline().startswith(b"+"):
    pass
print("IMAP:", imap.readline().decode().strip())

pop = poplib.POP3_SSL(*address("EXO_POP"), context=tls)
pop._putcmd("AUTH XOAUTH2")
pop._getline()
pop._shortcmd(base64.b64encode(response()).decode())
try:
    pop._getresp()
except poplib.error_proto as error:
    print("POP3:", error.args[0].decode().strip())

smtp = smtplib.SMTP(*address("EXO_SMTP"))
smtp.starttls(context=tls)
smtp.ehlo()
smtp.auth("XOAUTH2", lambda challenge=None: response().decode())
print("SMTP:", *(part.decode() if isinstance(part, bytes) else part for part in smtp.getreply()))
