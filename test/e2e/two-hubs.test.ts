/** Two hubs on one store, as processes: what an operator does at one is done at both, and a kill of one stops no mail. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type CephServer, startCeph } from '../support/ceph.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { done } from '../support/program.ts';
import { HubSite, OfficeSite } from '../support/sites.ts';
import { SmtpSession } from '../support/smtp-client.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import { until } from '../support/until.ts';

let ceph: CephServer;
beforeAll(async () => {
  ceph = await startCeph();
});
afterAll(() => ceph.stop());

interface Status {
  readonly hubs: readonly { readonly isThis: boolean; readonly holds: readonly string[] }[];
}

describe.each(['folder', 's3'] as const)('on one %s', (kind) => {
  let folder: string;
  let sink: SmtpSink;
  let hubs: HubSite[];
  let link: CuttingProxy;
  let office: OfficeSite;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fieldpost-hubs-'));
    sink = await startSmtpSink();
    const { store, env } = await shared();
    await writeFile(join(folder, 'hub.secret'), randomBytes(32), { mode: 0o600 });
    hubs = [];
    for (const name of ['one', 'other']) {
      await mkdir(join(folder, name));
      hubs.push(
        await HubSite.make({
          folder: join(folder, name),
          store,
          smarthost: sink.address,
          above: `secret_file = "${join(folder, 'hub.secret')}"`,
          more: '[[allow]]\naddress = "127.0.0.1"\noffice = "herat"\n',
          env,
        }),
      );
    }
    const [one, other] = [hub(0), hub(1)];
    const token = await one.addOffice('herat');
    done(await one.command(['user', 'add', 'farid@example.org', 'herat']));
    await one.start();
    await other.start();
    link = await CuttingProxy.open(`127.0.0.1:${one.syncPort}`);
    office = await OfficeSite.make({ folder: join(folder, 'herat'), name: 'herat', token, hub: link.address });
  });

  afterEach(async () => {
    await Promise.all(hubs.map((site) => site.stop()));
    await link.close();
    await sink.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function shared(): Promise<{ readonly store: string; readonly env: Record<string, string> }> {
    if (kind === 'folder') return { store: `path = "${join(folder, 'store')}"`, env: {} };
    const bucket = await ceph.makeBucket();
    const env = { AWS_ACCESS_KEY_ID: ceph.accessKey, AWS_SECRET_ACCESS_KEY: ceph.secretKey };
    return { store: `bucket = "${bucket}"\nendpoint = "${ceph.endpoint}"`, env };
  }

  const hub = (index: number): HubSite => hubs[index] as HubSite;
  const at = async (site: HubSite): Promise<Status> => JSON.parse(done(await site.command(['status', '--json'])).out);
  const leads = async (site: HubSite): Promise<boolean> =>
    (await at(site)).hubs.some(({ isThis, holds }) => isThis && holds.includes('lead'));

  /** By SMTP; answers the code. */
  async function hand(site: HubSite, to: string, subject: string): Promise<number> {
    const session = await SmtpSession.open(site.daemon.address('smtp'));
    const wire = Buffer.from(`Message-ID: <${subject}@x>\r\nSubject: ${subject}\r\n\r\ntext\r\n`);
    const { code } = await session.send({ from: 'farid@example.org', to: [to], wire });
    await session.close();
    return code;
  }

  const eventually = (what: string, look: () => Promise<boolean>) =>
    until(
      async () => ((await look()) ? true : undefined),
      async () => what,
    );

  test('commands at one are heard at the other, and each sees both', async () => {
    await eventually('the first sees the second', async () => (await at(hub(0))).hubs.length === 2);
    expect(await leads(hub(0))).toBe(true);
    expect(await leads(hub(1))).toBe(false);
    done(await hub(0).command(['alias', 'set', 'head@example.org', 'farid@example.org']));
    await eventually('the alias is known', async () => (await hand(hub(1), 'head@example.org', 'alias')) === 250);
    done(await hub(1).command(['office', 'revoke', 'herat']));
    expect((await office.sync()).code).toBe(77);
    done(await hub(1).command(['office', 'readmit', 'herat']));
    expect((await office.sync()).line).toMatchObject({ ok: true, down: { mails: 1 } });
  });

  test('an office is served by either; what one holds of it the other has too', async () => {
    await eventually('both are there', async () => (await at(hub(1))).hubs.length === 2);
    for (let round = 0; round < 4; round++) {
      expect(await hand(hub(round % 2), 'farid@example.org', `round ${round}`)).toBe(250);
      link.target = `127.0.0.1:${hub((round + 1) % 2).syncPort}`;
      expect((await office.sync()).line).toMatchObject({ ok: true, down: { mails: 1 } });
    }
    expect(await office.mailbox('farid')).toHaveLength(4);
  });

  test('mail that came to one leaves at the other, also when that is killed', async () => {
    await eventually('both are there', async () => (await at(hub(1))).hubs.length === 2);
    expect(await hand(hub(1), 'a@dest.example.net', 'before')).toBe(250);
    await eventually('the leader sends it', async () => sink.mails.length === 1);
    await hub(0).kill9();
    expect(await hand(hub(1), 'b@dest.example.net', 'after')).toBe(250);
    await eventually('the other takes over', () => leads(hub(1)));
    await eventually('it is sent', async () => sink.mails.length === 2);
    await hub(0).start();
    expect(await leads(hub(0))).toBe(false);
    expect(await hub(1).stop()).toBe(0);
    await eventually('it leads again', () => leads(hub(0)));
    expect(await hand(hub(0), 'c@dest.example.net', 'end')).toBe(250);
    await eventually('it is sent', async () => sink.mails.length === 3);
  });
});
