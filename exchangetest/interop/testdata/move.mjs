// Moves a message and sets a keyword with ImapFlow. The CA is in
// NODE_EXTRA_CA_CERTS.
import { ImapFlow } from "imapflow";

const { EXO_USER: user, EXO_TOKEN: accessToken, EXO_IMAP } = process.env;
const [host, port] = EXO_IMAP.split(":");
const client = new ImapFlow({ host, port: Number(port), secure: true, logger: false, auth: { user, accessToken } });
await client.connect();
for (const { path, specialUse } of await client.list()) {
  console.log("special", path, specialUse);
}
await client.mailboxOpen("INBOX");
const { uidMap } = await client.messageMove("2", "Archive");
for (const [from, to] of uidMap) {
  console.log("moved", from, "to", to);
}
console.log("exists", client.mailbox.exists);
console.log("keyword", await client.messageFlagsAdd("1", ["Processed"]));
await client.logout();
