/** Hubs on one store, offices behind links that can be cut, and the Internet: all of them processes, but for the last. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CephServer, startCeph } from '../support/ceph.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { done } from '../support/program.ts';
import { HubSite, OfficeSite } from '../support/sites.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';
import type { Tally } from './tally.ts';

/** Who reads where; the first of an office by Maildir, the second by POP3. */
export const PEOPLE: Readonly<Record<string, readonly [string, string]>> = {
  herat: ['farid', 'holly'],
  mazar: ['nadia', 'omid'],
  farah: ['jamila', 'tom'],
};

export const PASSWORD = 'torture-password';

export interface WorldOptions {
  readonly folder: string;
  readonly store: 'folder' | 's3';
  readonly hubs: number;
  readonly offices: number;
}

export interface World {
  readonly hubs: readonly HubSite[];
  readonly offices: readonly OfficeSite[];
  readonly links: ReadonlyMap<string, CuttingProxy>;
  readonly ceph: CephServer | undefined;
  close(): Promise<void>;
}

export async function openWorld(
  { folder, store, hubs: count, offices: some }: WorldOptions,
  tally: Tally,
): Promise<World> {
  await mkdir(folder, { recursive: true });
  const secret = join(folder, 'hub.secret');
  await writeFile(secret, randomBytes(32), { mode: 0o600 });
  const ceph = store === 's3' ? await startCeph({ store: 'bluestore' }) : undefined;
  const sink = await startSmtpSink({
    mail: ({ wire }) => {
      tally.arrive('internet', wire);
      return undefined;
    },
  });
  const where = ceph
    ? `bucket = "${await ceph.makeBucket()}"\nendpoint = "${ceph.endpoint}"`
    : `path = "${join(folder, 'store')}"`;
  const env = ceph ? { AWS_ACCESS_KEY_ID: ceph.accessKey, AWS_SECRET_ACCESS_KEY: ceph.secretKey } : {};
  const hubs: HubSite[] = [];
  for (let n = 1; n <= count; n++)
    hubs.push(
      await HubSite.make({
        folder: join(folder, `hub${n}`),
        store: where,
        smarthost: sink.address,
        above: `secret_file = "${secret}"`,
        env,
      }),
    );
  const links = new Map<string, CuttingProxy>();
  const offices: OfficeSite[] = [];
  const close = (): Promise<void> => closeAll({ hubs, offices, links, sink, ceph });
  try {
    for (const name of Object.keys(PEOPLE).slice(0, some)) offices.push(await addOffice(folder, name, { hubs, links }));
    for (const hub of hubs) await hub.start();
    for (const office of offices) {
      done(await office.command(['sync']));
      await office.start();
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { hubs, offices, links, ceph, close };
}

async function addOffice(
  folder: string,
  name: string,
  { hubs, links }: { readonly hubs: readonly HubSite[]; readonly links: Map<string, CuttingProxy> },
): Promise<OfficeSite> {
  const [hub] = hubs as [HubSite];
  const token = await hub.addOffice(name);
  for (const person of PEOPLE[name] ?? []) done(await hub.command(['user', 'add', `${person}@example.org`, name]));
  const link = await CuttingProxy.open(`127.0.0.1:${hub.syncPort}`);
  links.set(name, link);
  const office = await OfficeSite.make({ folder: join(folder, name), name, token, hub: link.address });
  for (const person of PEOPLE[name] ?? [])
    done(await office.command(['user', 'add', person, '--password-stdin'], { input: `${PASSWORD}\n` }));
  return office;
}

async function closeAll({
  hubs,
  offices,
  links,
  sink,
  ceph,
}: Omit<World, 'close'> & { readonly sink: SmtpSink }): Promise<void> {
  await Promise.all(offices.map((office) => office.stop()));
  await Promise.all(hubs.map((hub) => hub.stop()));
  await Promise.all([...links.values()].map((link) => link.close()));
  await sink.close();
  await ceph?.stop();
}
