// A mail program in JavaScript, tested on the emulator: node --test
//
// The variable EMULATOR is the command that starts it, by default
// "go run ./examples/emulator" in the root of the repository.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import tls from 'node:tls';

const root = path.join(import.meta.dirname, '..', '..', '..');

// Emulator is the emulator, from its ready line to SIGTERM.
class Emulator {
  static async start() {
    const e = new Emulator();
    e.folder = await mkdtemp(path.join(tmpdir(), 'emulator-'));
    const [command, ...args] = (process.env.EMULATOR ?? 'go run ./examples/emulator').split(' ');
    e.process = spawn(command, [...args, '-json', '-ports', '0', '-page', '127.0.0.1:0', '-dir', e.folder], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    e.events = createInterface({ input: e.process.stdout });
    const [line] = await once(e.events, 'line');
    e.ready = JSON.parse(line);
    e.settings = JSON.parse(await readFile(e.ready.settings)).settings;
    e.ca = await readFile(e.ready.ca);
    return e;
  }

  async close() {
    this.process.kill();
    const [code] = await once(this.process, 'exit');
    assert.equal(code, 0);
    assert.deepEqual(await readdir(this.folder), []);
    await rm(this.folder, { recursive: true });
  }

  // call uses what http://…/api documents.
  async call(what, body) {
    const answer = await fetch(this.ready.page + 'api/' + what, body === undefined ? {} : { method: 'POST', body });
    const text = await answer.text();
    return { status: answer.status, ...(text === '' ? {} : { answer: JSON.parse(text) }) };
  }

  async token() {
    const form = new URLSearchParams({
      grant_type: 'client_credentials', client_id: this.settings.EXO_CLIENT_ID,
      client_secret: this.settings.EXO_CLIENT_SECRET, scope: this.settings.EXO_SCOPE,
    });
    const request = https.request(this.settings.EXO_TOKEN_ENDPOINT, { method: 'POST', ca: this.ca, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
    request.end(form.toString());
    const [answer] = await once(request, 'response');
    let text = '';
    for await (const part of answer) text += part;
    return JSON.parse(text).access_token;
  }
}

// open opens the mailbox and returns what the server says to each command, as
// the program under test would.
async function open(emulator) {
  const [host, port] = emulator.settings.EXO_IMAP.split(':');
  const socket = tls.connect({ host, port, ca: emulator.ca });
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  await lines.next(); // the greeting
  const token = await emulator.token();
  const login = Buffer.from(`user=${emulator.settings.EXO_MAILBOX}\x01auth=Bearer ${token}\x01\x01`).toString('base64');
  const ask = async (command) => {
    socket.write(`a ${command}\r\n`);
    const said = [];
    for (let line = await lines.next(); !line.done; line = await lines.next()) {
      said.push(line.value);
      if (line.value.startsWith('a ')) break;
    }
    return said;
  };
  return { socket, ask, answer: (await ask(`AUTHENTICATE XOAUTH2 ${login}`)).at(-1) };
}

let emulator;
before(async () => { emulator = await Emulator.start(); });
after(async () => { await emulator.close(); });

test('reads', async () => {
  const { socket, ask, answer } = await open(emulator);
  assert.equal(answer, 'a OK AUTHENTICATE completed.');
  assert.ok((await ask('SELECT INBOX')).includes('* 3 EXISTS'));
  socket.destroy();
});

test('is told why it is refused', async () => {
  await emulator.call('admin', 'Set-CASMailbox invoices@contoso.com -ImapEnabled $false');
  const { socket, ask } = await open(emulator);
  assert.match((await ask('SELECT INBOX')).at(-1), /not connected/);
  socket.destroy();
  const { answer: sessions } = await emulator.call('sessions');
  assert.match(sessions.at(-1).reason, /IMAP/);
});

test('wrong use is told', async () => {
  const { status, answer } = await emulator.call('admin', 'Get-Foo');
  assert.equal(status, 422);
  assert.match(answer.error, /Get-Foo/);
});
