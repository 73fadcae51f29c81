# Sets a keyword and searches for it with Python's standard library.
import imaplib
import os
import ssl

host, port = os.environ["EXO_IMAP"].split(":")
response = "user=%s\x01auth=Bearer %s\x01\x01" % (os.environ["EXO_USER"], os.environ["EXO_TOKEN"])
imap = imaplib.IMAP4_SSL(host, int(port), ssl_context=ssl.create_default_context(cafile=os.environ["EXO_CA"]))
imap.authenticate("XOAUTH2", lambda _: response.encode())
imap.select("INBOX")
for name, command in {
    "STORE": lambda: imap.store("1", "+FLAGS", "Processed"),
    "SEARCH": lambda: imap.search(None, "KEYWORD", "Processed"),
}.items():
    try:
        print(name + ":", command())
    except imaplib.IMAP4.error as error:
        print(name + ":", error)
imap.append("INBOX", "(\\Seen Processed)", None, b"Subject: marked\r\n\r\nx\r\n")
imap.noop()
_, [count] = imap.select("INBOX")
print("APPEND:", imap.fetch(count, "(FLAGS)")[1][0].decode())
imap.logout()
