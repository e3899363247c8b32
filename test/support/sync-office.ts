/** A hub's sync listener and an office's agent, in this process, with real sockets between them and real folders below. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Agent } from '../../agent/agent.ts';
import { loadAgentConfig } from '../../agent/config.ts';
import { openAgent } from '../../agent/open-agent.ts';
import type { Service } from '../../hub/hub.ts';
import { hubTables } from '../../hub/hub-tables.ts';
import { deriveOfficeKey } from '../../hub/office-key.ts';
import { startSync } from '../../hub/sync.ts';
import { DEFAULT_LIMITS, type Office } from '../../shared/core/directory.ts';
import { route } from '../../shared/core/route.ts';
import { encodeToken } from '../../shared/core/token.ts';
import { accept } from '../../shared/io/accept.ts';
import { type Body, bytesBody } from '../../shared/io/body.ts';
import type { Log } from '../../shared/io/log.ts';
import type { Place } from '../../shared/io/mail.ts';
import { type BareHub, bareHub } from './bare-hub.ts';
import { CuttingProxy } from './cutting-proxy.ts';

export const HERAT: Office = {
  name: 'herat',
  domains: ['herat.example.org'],
  keyId: '0123456789abcdef',
  generation: 1,
  revoked: false,
  limits: DEFAULT_LIMITS,
};

export interface SyncPair {
  readonly hub: BareHub & { readonly folder: string };
  /** What the directory says of the office from now on. */
  change(office: Partial<Office>): void;
  readonly agent: Agent;
  readonly proxy: CuttingProxy;
  readonly service: Service;
  /** Another data folder of the same office. */
  another(options?: LaptopOptions): Promise<Agent>;
  close(): Promise<void>;
}

interface LaptopOptions {
  readonly identity?: string;
  readonly key?: Uint8Array;
  /** A data folder that is there. */
  readonly folder?: string;
}

const SILENT: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

export async function syncPair({
  toml = '',
  office = HERAT,
  tables = false,
  idle = '10 s',
}: {
  toml?: string;
  /** Of agent.toml: short, so that a test of a dead link ends. */
  idle?: string;
  office?: Office;
  /** The hub routes by its directory: people of example.org are posted at the office. */
  tables?: boolean;
} = {}): Promise<SyncPair> {
  let current = office;
  const bare = await bareHub({ offices: [office], toml: `[listen]\nsync = "127.0.0.1:0"\n${toml}` });
  const directory = {
    ...bare.directory.current,
    users: new Map(['farid@example.org', 'holly@example.org'].map((address) => [address, 'herat'])),
  };
  const real: Place = {
    ...bare.place,
    route: (peer, sender, recipient) => route(hubTables(directory, bare.config), peer, sender, recipient),
  };
  const hub = {
    ...bare,
    place: tables ? real : bare.place,
    directory: {
      ...bare.directory,
      current: directory,
      office: (name: string) => (name === current.name ? current : undefined),
      officeOfKey: (keyId: string) => (keyId === current.keyId ? current : undefined),
    },
  };
  const [service] = await startSync(hub);
  if (!service?.address) throw new Error('the hub does not listen');
  const proxy = await CuttingProxy.open(service.address);
  const folders: string[] = [];
  const another = async (options: LaptopOptions = {}): Promise<Agent> => {
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'fieldpost-agent-')));
    folders.push(folder);
    return laptop(folder, proxy.address, {
      key: deriveOfficeKey(hub.secret, office.keyId, office.generation),
      idle,
      ...options,
    });
  };
  return {
    hub,
    change: (more) => {
      current = { ...current, ...more };
    },
    agent: await another(),
    proxy,
    service,
    another,
    close: async () => {
      await proxy.close();
      await service.close(5);
      await hub.close();
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function laptop(
  folder: string,
  address: string,
  { identity, key, idle }: LaptopOptions & { readonly idle: string },
): Promise<Agent> {
  const file = join(folder, 'agent.toml');
  await writeFile(
    file,
    `office = "herat"\nhub = "${address}"\nkey_file = "agent.key"\ndata = "data"\nidle = "${idle}"\n`,
  );
  const token = encodeToken({
    hub: address,
    office: 'herat',
    domain: 'example.org',
    officeDomains: HERAT.domains,
    identity: identity ?? `${HERAT.keyId}.1`,
    key: key ?? Buffer.alloc(32),
  });
  await writeFile(join(folder, 'agent.key'), `${token}\n`, { mode: 0o600 });
  return openAgent(loadAgentConfig(file), SILENT);
}

/** Puts a mail in at the hub, for a user of herat. */
export const postDown = (hub: BareHub, body: Body | Uint8Array): Promise<void> =>
  post(
    {
      ...hub.place,
      route: (_peer, sender, recipient) => ({
        verdict: { letter: 'K', text: 'ok' },
        deliveries: [{ maildir: 'office/herat', form: 'entry', sender, recipient }],
      }),
    },
    body,
    ['farid@herat.example.org'],
  );

/** Puts a mail in at the agent, for the Internet. */
export const postUp = (
  agent: Agent,
  body: Body | Uint8Array,
  recipients: readonly string[] = ['friend@example.com'],
): Promise<void> => post(agent.place, body, recipients);

async function post(place: Agent['place'], content: Body | Uint8Array, recipients: readonly string[]): Promise<void> {
  const body = content instanceof Uint8Array ? bytesBody(content) : content;
  const hash = createHash('sha256');
  for await (const chunk of body.read()) hash.update(chunk);
  const bodyHash = hash.digest('hex');
  const mail = { sender: 'postmaster@herat.example.org', recipients, hops: 0, urgency: 5, body, bodyHash };
  const verdicts = await accept(place, { peer: { name: 'door', relays: true }, id: bodyHash, mail }, 1_795_000_000);
  if (verdicts[0]?.letter !== 'K') throw new Error(`not accepted: ${verdicts[0]?.text}`);
}
