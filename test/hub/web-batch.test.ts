/** Syncs by POST /batch: an ordinary certificate, an HTTP proxy, cuts, and whoever is not to be trusted. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Agent } from '../../agent/agent.ts';
import type { LinkConfig } from '../../agent/config.ts';
import { beginExport, sealOf } from '../../agent/stick.ts';
import { sync } from '../../agent/sync.ts';
import { exportFor } from '../../hub/batch.ts';
import { readContact } from '../../hub/contact.ts';
import { readmit } from '../../hub/instance.ts';
import { readOfficeLinks } from '../../hub/office-links.ts';
import { sealBatch } from '../../shared/io/batch-file.ts';
import { EXIT } from '../../shared/io/command-line.ts';
import { listEntries } from '../../shared/io/maildir.ts';
import { makeCertificate, type TestCertificate } from '../support/certificate.ts';
import { postDown, postUp, type SyncPair, syncPair } from '../support/sync-office.ts';
import { until } from '../support/until.ts';
import { openWebProxy } from '../support/web-proxy.ts';

let certificate: TestCertificate;
let pair: SyncPair;
let link: LinkConfig;

beforeEach(async () => {
  const made = makeCertificate();
  if (!made) throw new Error('these tests need openssl');
  certificate = made;
  pair = await syncPair({ toml: `[tls]\ncert = "${made.certFile}"\nkey = "${made.keyFile}"\n` });
  link = { name: 'web', via: 'web', ca: made.certFile };
});
afterEach(() => pair.close());

const mail = (name: string, bytes = 0): Buffer =>
  Buffer.from(`Message-ID: <${name}@x>\nSubject: ${name}\n\n${name} ${randomBytes(bytes).toString('base64')}\n`);
const byWeb = (agent: Agent = pair.agent, more: Partial<LinkConfig> = {}) =>
  sync(agent, { link: { ...link, ...more } });
const waits = async (agent = pair.agent): Promise<number> => (await listEntries(agent.store, 'out')).length;
const atHub = async (): Promise<number> => (await pair.hub.entries('internet')).length;

/** Subjects in the mailbox of farid. */
async function mailbox(agent = pair.agent): Promise<readonly string[]> {
  const folder = join(agent.config.data, 'users/farid/new');
  const texts = (await readdir(folder).catch(() => [])).map((name) => readFile(join(folder, name), 'utf8'));
  return (await Promise.all(texts)).map((text) => /^Subject: (.*)$/m.exec(text)?.[1] ?? '').sort();
}

test('mail goes both ways in one round trip after the handshakes, and the answers with the next', async () => {
  await postUp(pair.agent, mail('up'));
  await postDown(pair.hub, mail('down'));
  const result = await byWeb();
  expect(result).toMatchObject({ ok: true, exit: 0, link: 'web', roundTrips: 3, up: { mails: 1 }, down: { mails: 1 } });
  expect(result).toMatchObject({ waiting: { up: { mails: 0 }, down: { mails: 0 } } });
  expect([await atHub(), await waits(), await mailbox()]).toEqual([1, 0, ['down']]);
  // All that the wire carried but, it may be, the goodbye.
  const uncounted = pair.proxy.bytesUp + pair.proxy.bytesDown - result.up.bytesWire - result.down.bytesWire;
  expect([0, 24]).toContain(uncounted);
  expect(await byWeb()).toMatchObject({ ok: true, up: { mails: 0 }, down: { mails: 0 } });
  expect(await pair.hub.entries('office/herat')).toEqual([]);
  expect(pair.agent.directory().offices.get('herat')?.domains).toEqual(['herat.example.org']);
  const contact = await until(
    async () => {
      const now = await readContact(pair.hub, 'herat');
      return now?.months[0]?.[1].trips === 2 ? now : undefined;
    },
    async () => 'the hub has not noted two trips',
  );
  expect(contact.months[0]?.[1]).toMatchObject({ mailsUp: 1, mailsDown: 1 });
});

test('the hub hears by the web, once, what the links of the office cost', async () => {
  await byWeb();
  const without = (await byWeb()).up.bytesWire;
  pair.agent.config.link.push({ name: 'iridium', price_per_mb: 100 });
  expect((await byWeb()).up.bytesWire).toBeGreaterThan(without + 10);
  expect(await readOfficeLinks(pair.hub, 'herat')).toEqual([{ name: 'iridium', pricePerMb: 100 }]);
  expect((await byWeb()).up.bytesWire).toBe(without);
});

test('links and the web take turns with the same mail, each once', async () => {
  await postUp(pair.agent, mail('large', 150_000));
  await postDown(pair.hub, mail('long', 150_000));
  pair.proxy.every = 60_000;
  expect(await sync(pair.agent)).toMatchObject({ ok: false });
  expect(await byWeb()).toMatchObject({ ok: false });
  pair.proxy.every = 150_000;
  expect(await sync(pair.agent)).toMatchObject({ ok: false });
  pair.proxy.up();
  expect(await byWeb()).toMatchObject({ ok: true });
  expect(await sync(pair.agent)).toMatchObject({ ok: true });
  expect([await atHub(), await waits(), await mailbox()]).toEqual([1, 0, ['long']]);
  expect(await pair.hub.entries('office/herat')).toEqual([]);
});

test('a line that is cut every 20,000 bytes carries all, each mail once, and goes on where it was', async () => {
  const names = Array.from({ length: 8 }, (_, n) => `mail ${n}`);
  for (const [n, name] of names.entries()) {
    await postUp(pair.agent, mail(name, n === 3 ? 60_000 : 3_000));
    await postDown(pair.hub, mail(name, n === 5 ? 60_000 : 3_000));
  }
  pair.proxy.every = 20_000;
  let resumed = 0;
  for (let ok = false, calls = 0; !ok && calls < 60; calls += 1) {
    const result = await byWeb();
    resumed += result.resumed;
    ok = result.ok && result.waiting.up.mails === 0;
  }
  expect([await atHub(), await waits(), await mailbox()]).toEqual([names.length, 0, names]);
  expect(resumed).toBeGreaterThan(0);
  // 230 KB of mail; each call pays for its handshake and for asking how far the one before got.
  expect(pair.proxy.bytesUp + pair.proxy.bytesDown).toBeLessThan(600_000);
});

test('a certificate that nobody vouches for is refused before anything is said; "any" takes it, for the batch is sealed', async () => {
  await postUp(pair.agent, mail('up'));
  const { ca: _, ...publicOnly } = link;
  const refused = await sync(pair.agent, { link: publicOnly });
  expect(refused).toMatchObject({ ok: false, exit: EXIT.refused, up: { mails: 0 } });
  expect(refused.error).toContain('its certificate is not to be trusted (');
  expect(await sync(pair.agent, { link: { ...publicOnly, certificate: 'any' } })).toMatchObject({
    ok: true,
    up: { mails: 1 },
  });
  const stranger = makeCertificate()?.certFile ?? '';
  expect(await byWeb(pair.agent, { ca: stranger })).toMatchObject({ exit: EXIT.refused });
});

test('through an HTTP proxy, with its password, and not without', async () => {
  const proxy = await openWebProxy('farid:open sesame');
  try {
    await postUp(pair.agent, mail('up'));
    const at = `127.0.0.1:${proxy.port}`;
    const asked = await byWeb(pair.agent, { proxy: `http://${at}` });
    expect(asked).toMatchObject({ ok: false, exit: EXIT.later });
    expect(asked.error).toContain('it asks for a name and a password');
    expect(await byWeb(pair.agent, { proxy: `http://farid:open%20sesame@${at}` })).toMatchObject({
      ok: true,
      up: { mails: 1 },
    });
    expect(proxy.opened).toEqual([pair.proxy.address]);
  } finally {
    await proxy.close();
  }
  const gone = await byWeb(pair.agent, { proxy: `http://127.0.0.1:${proxy.port}` });
  expect(gone.error).toContain(`no way through the proxy 127.0.0.1:${proxy.port}`);
});

test('another key, an id that nobody knows, a revoked office, a second laptop: a sentence, and nothing is taken', async () => {
  const wrong = await pair.another({ key: Buffer.alloc(32, 9) });
  const unknown = await pair.another({ identity: 'ffffffffffffffff.1' });
  for (const agent of [wrong, unknown]) await postUp(agent, mail('secret'));
  expect(await byWeb(wrong)).toMatchObject({ exit: 77, error: expect.stringContaining('not sealed with the key') });
  expect(await byWeb(unknown)).toMatchObject({ exit: 77, error: expect.stringContaining('does not know this office') });
  expect(await byWeb()).toMatchObject({ ok: true });
  const other = await pair.another();
  await postUp(other, mail('other'));
  expect(await byWeb(other)).toMatchObject({ exit: 77, error: expect.stringContaining('hub office readmit herat') });
  pair.change({ revoked: true });
  await postUp(pair.agent, mail('up'));
  expect(await byWeb()).toMatchObject({ exit: 77, error: expect.stringContaining('herat has been revoked') });
  expect(await atHub()).toBe(0);
  pair.change({ revoked: false });
  await readmit(pair.hub, 'herat');
  expect(await byWeb(other)).toMatchObject({ ok: true, up: { mails: 1 } });
});

/** What the hub answers to a body. */
function post(body: Buffer, path = '/batch'): Promise<{ readonly status: number; readonly text: string }> {
  const [host, port] = (pair.service.address ?? '').split(':');
  return new Promise((resolve, reject) => {
    const asked = request({ host, port, path, method: 'POST', ca: certificate.cert }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('latin1') }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

test('a batch that comes again, or that was altered, is refused and touches nothing; garbage is told so', async () => {
  await byWeb();
  await postUp(pair.agent, mail('up'));
  const batch = await beginExport(pair.agent, { again: false, bytesMax: 0 });
  const bytes = await bytesOf(sealBatch(batch.records(), sealed(pair.agent)));
  expect(await post(bytes)).toEqual({ status: 503, text: 'this batch has come already: call again' });
  expect(await sync(pair.agent)).toMatchObject({ ok: true });
  expect(await post(bytes)).toMatchObject({ status: 403, text: expect.stringContaining('is older than the one') });
  bytes[60] = (bytes[60] ?? 0) ^ 1;
  expect(await post(bytes)).toMatchObject({ status: 403, text: expect.stringContaining('not sealed with the key') });
  for (const body of [Buffer.alloc(0), Buffer.from('hello'), randomBytes(100_000)])
    expect(await post(body)).toMatchObject({ status: 400, text: expect.stringContaining('no batch file') });
  expect(await post(bytes, '/other')).toMatchObject({ status: 401 });
  expect(await atHub()).toBe(0);
});

const sealed = (agent: Agent) => {
  const { whose, key } = sealOf(agent);
  return { ...whose, key };
};

test('an old batch of the hub in place of the answer is not taken', async () => {
  await postDown(pair.hub, mail('down'));
  let old: Buffer = Buffer.alloc(0);
  await exportFor(pair.hub, 'herat', { again: false, bytesMax: 0 }, async (batch, { whose, key }) => {
    old = await bytesOf(sealBatch(batch.records(), { ...whose, key }));
  });
  const server = createServer({ cert: certificate.cert, key: certificate.key }, (asked, answer) => {
    asked.resume().on('end', () => answer.end(old));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const agent = { ...pair.agent, config: { ...pair.agent.config, hub: `127.0.0.1:${port}` } };
  expect(await byWeb(agent)).toMatchObject({ ok: false, error: expect.stringContaining('that to another call') });
  expect(await mailbox()).toEqual([]);
  await new Promise((resolve) => server.close(resolve));
});
