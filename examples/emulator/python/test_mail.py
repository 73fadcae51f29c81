"""A mail program in Python, tested on the emulator: python3 -m unittest

The variable EMULATOR is the command that starts it, by default
"go run ./examples/emulator" in the root of the repository.
"""

import imaplib
import json
import os
import shlex
import smtplib
import ssl
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")


class Emulator:
    """The emulator, from its ready line to SIGTERM."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        command = shlex.split(os.environ.get("EMULATOR", "go run ./examples/emulator"))
        command += ["-json", "-ports", "0", "-page", "127.0.0.1:0", "-dir", self.folder.name]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.ready = json.loads(self.process.stdout.readline())
        with open(self.ready["settings"]) as f:
            self.settings = json.load(f)["settings"]
        self.trust = ssl.create_default_context(cafile=self.ready["ca"])

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()
        left = os.listdir(self.folder.name)
        self.folder.cleanup()
        return self.process.returncode, left

    def call(self, path, body=None, method=None):
        """Uses what http://…/api documents."""
        request = urllib.request.Request(self.ready["page"] + "api/" + path, data=body and body.encode(), method=method)
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def token(self):
        form = urllib.parse.urlencode({
            "grant_type": "client_credentials", "client_id": self.settings["EXO_CLIENT_ID"],
            "client_secret": self.settings["EXO_CLIENT_SECRET"], "scope": self.settings["EXO_SCOPE"],
        })
        with urllib.request.urlopen(self.settings["EXO_TOKEN_ENDPOINT"], form.encode(), context=self.trust) as answer:
            return json.load(answer)["access_token"]

    def xoauth2(self, user, token):
        return f"user={user}\x01auth=Bearer {token}\x01\x01"

    def imap(self):
        """Opens the mailbox, as the program under test would."""
        host, port = self.settings["EXO_IMAP"].rsplit(":", 1)
        client = imaplib.IMAP4_SSL(host, int(port), ssl_context=self.trust)
        user = self.settings["EXO_MAILBOX"]
        try:
            client.authenticate("XOAUTH2", lambda _: self.xoauth2(user, self.token()).encode())
        except imaplib.IMAP4.error:
            client.shutdown()
            raise
        return client


class MailTest(unittest.TestCase):
    def setUp(self):
        self.emulator = Emulator()
        self.addCleanup(lambda: self.assertEqual(self.emulator.close(), (0, [])))

    def test_reads(self):
        with self.emulator.imap() as client:
            self.assertEqual(client.select("INBOX"), ("OK", [b"3"]))

    def test_sends(self):
        settings = self.emulator.settings
        host, port = settings["EXO_SMTP"].rsplit(":", 1)
        with smtplib.SMTP(host, int(port)) as client:
            client.starttls(context=self.emulator.trust)
            client.ehlo()
            token = self.emulator.token()
            client.auth("XOAUTH2", lambda _=None: self.emulator.xoauth2(settings["EXO_MAILBOX"], token))
            client.sendmail(settings["EXO_MAILBOX"], ["customer@example.com"], "Subject: Paid\n\nThank you.\n")
        sent = self.emulator.call("messages")
        self.assertEqual([(m["from"], m["to"]) for m in sent], [(settings["EXO_MAILBOX"], ["customer@example.com"])])
        self.assertIn("Thank you.", sent[0]["data"])

    def test_tells_why_it_is_refused(self):
        self.emulator.call("admin", "Set-CASMailbox invoices@contoso.com -ImapEnabled $false")
        with self.assertRaises(imaplib.IMAP4.error):
            with self.emulator.imap() as client:
                client.select("INBOX")
        self.assertIn("IMAP", self.emulator.call("sessions")[-1]["reason"])

    def test_survives_an_outage(self):
        self.emulator.call("faults", '{"at": "imap", "command": "AUTHENTICATE", "reply": "{tag} NO [UNAVAILABLE] later"}')
        with self.assertRaisesRegex(imaplib.IMAP4.error, "UNAVAILABLE"):
            self.emulator.imap()
        with self.emulator.imap() as client:
            client.select("INBOX")

    def test_session_ends_with_its_token(self):
        client = self.emulator.imap()
        client.select("INBOX")
        self.emulator.call("advance", "2h")
        with self.assertRaises(imaplib.IMAP4.abort):
            for _ in range(100):  # the goodbye, and then the end
                client.noop()
        client.shutdown()

    def test_wrong_use_is_told(self):
        for path, body in {"admin": "Get-Foo", "advance": "soon", "faults": '{"at": "moon"}'}.items():
            with self.assertRaises(urllib.error.HTTPError) as refused:
                self.emulator.call(path, body)
            with refused.exception:
                self.assertEqual(refused.exception.code, 422)
                self.assertTrue(json.load(refused.exception)["error"])


if __name__ == "__main__":
    unittest.main()
