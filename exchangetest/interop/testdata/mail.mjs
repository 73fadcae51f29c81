// Reads by IMAP with ImapFlow and sends by SMTP with Nodemailer. The CA is in
// NODE_EXTRA_CA_CERTS.
import { ImapFlow } from "imapflow";
import nodemailer from "nodemailer";

const { EXO_USER: user, EXO_TOKEN: accessToken } = process.env;

function address(name) {
  const [host, port] = process.env[name].split(":");
  return { host, port: Number(port) };
}

async function read(user) {
  const client = new ImapFlow({ ...address("EXO_IMAP"), secure: true, logger: false, auth: { user, accessToken } });
  await client.connect();
  await client.mailboxOpen("INBOX", { readOnly: true });
  const { envelope } = await client.fetchOne("1", { envelope: true });
  await client.logout();
  return envelope.subject;
}

console.log("IMAP", await read(user));
try {
  await read("x" + user);
} catch (error) {
  console.log("IMAP refused", error.responseText);
}

const smtp = nodemailer.createTransport({
  ...address("EXO_SMTP"),
  requireTLS: true,
  auth: { type: "OAuth2", user, accessToken },
});
await smtp.sendMail({ from: user, to: "someone@example.com", subject: "x", text: "x" });
smtp.close();
console.log("SMTP sent");
