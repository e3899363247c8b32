/** A hub and an office that carry mail both ways, and are opened again on what a power cut has left. */

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Agent } from '../../agent/agent.ts';
import { loadAgentConfig } from '../../agent/config.ts';
import { openAgent } from '../../agent/open-agent.ts';
import { sync } from '../../agent/sync.ts';
import { loadHubConfig } from '../../hub/config.ts';
import { editDirectory } from '../../hub/edit-directory.ts';
import type { Hub } from '../../hub/hub.ts';
import { finishMoves } from '../../hub/move-user.ts';
import { deriveOfficeKey } from '../../hub/office-key.ts';
import { openHub } from '../../hub/open-hub.ts';
import { startSync } from '../../hub/sync.ts';
import { encodeToken } from '../../shared/core/token.ts';
import { accept } from '../../shared/io/accept.ts';
import { bytesBody, readBody } from '../../shared/io/body.ts';
import type { Place } from '../../shared/io/mail.ts';
import { listEntries, openEntry } from '../../shared/io/maildir.ts';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
const KEY_ID = '0123456789abcdef';

export interface Site {
  /** What power can be cut of. */
  readonly hubStore: string;
  readonly agentData: string;
  /** Configuration and keys: written long before. */
  readonly folder: string;
}

export const siteIn = (folder: string): Site => ({
  folder,
  hubStore: join(folder, 'store'),
  agentData: join(folder, 'data'),
});

export class Scene {
  readonly hub: Hub;
  readonly agent: Agent;
  readonly #end: () => Promise<void>;

  private constructor(hub: Hub, agent: Agent, end: () => Promise<void>) {
    this.hub = hub;
    this.agent = agent;
    this.#end = end;
  }

  static async open({ folder, hubStore, agentData }: Site): Promise<Scene> {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'hub.secret'), Buffer.alloc(32, 7), { mode: 0o600 });
    const file = join(folder, 'hub.toml');
    await writeFile(
      file,
      `hostname = "kabul.example.org"\ndomain = "example.org"\ndata = "hub-data"\n[store]\npath = "${hubStore}"\n[listen]\nsync = "127.0.0.1:0"\n`,
    );
    const hub = await openHub(loadHubConfig(file), SILENT);
    await finishMoves(hub);
    const [service] = await startSync(hub);
    const address = service?.address ?? '';
    const key = deriveOfficeKey(Buffer.alloc(32, 7), KEY_ID, 1);
    const token = encodeToken({
      hub: address,
      office: 'herat',
      domain: 'example.org',
      officeDomains: ['herat.example.org'],
      identity: `${KEY_ID}.1`,
      key,
    });
    await writeFile(join(folder, 'agent.key'), `${token}\n`, { mode: 0o600 });
    const agentFile = join(folder, 'agent.toml');
    await writeFile(agentFile, `office = "herat"\nhub = "${address}"\nkey_file = "agent.key"\ndata = "${agentData}"\n`);
    const agent = await openAgent(loadAgentConfig(agentFile), SILENT);
    return new Scene(hub, agent, async () => {
      await service?.close(1);
      await hub.hubs.leave();
    });
  }

  async setUp(): Promise<void> {
    if (!this.hub.directory.office('herat'))
      await editDirectory(this.hub, {
        do: 'office.add',
        office: 'herat',
        domains: ['herat.example.org'],
        keyId: KEY_ID,
      });
    for (const address of ['farid@example.org', 'holly@example.org'])
      if (!this.hub.directory.current.users.has(address))
        await editDirectory(this.hub, { do: 'user.add', address, post: 'herat' });
  }

  /** As a door does it: true is a promise. */
  async hand(at: 'hub' | 'agent', name: string, bytes: number): Promise<boolean> {
    const place: Place = at === 'hub' ? this.hub.place : this.agent.place;
    const body = Buffer.from(`Message-ID: <${name}@x>\nSubject: ${name}\n\n${`word ${name} `.repeat(bytes / 12)}\n`);
    const bodyHash = createHash('sha256').update(body).digest('hex');
    const [sender, recipients] =
      at === 'hub'
        ? ['friend@example.com', ['farid@example.org', 'holly@example.org']]
        : ['farid@example.org', ['friend@example.com']];
    const mail = { sender, recipients, hops: 0, urgency: 5, body: bytesBody(body), bodyHash };
    const verdicts = await accept(
      place,
      { peer: { name: 'door', relays: true, ...(at === 'agent' ? { office: 'herat' } : {}) }, id: bodyHash, mail },
      Math.floor(Date.now() / 1_000),
    );
    return verdicts.every(({ letter }) => letter === 'K');
  }

  /** The names of the mails that have arrived: at the office's people, and on their way to the Internet. */
  async arrived(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const person of ['farid', 'holly']) {
      const folder = join(this.agent.config.data, 'users', person, 'new');
      for (const name of await readdir(folder).catch(() => []))
        found.push(`${person} ${subjectOf(await readFile(join(folder, name)))}`);
    }
    for (const { key } of await listEntries(this.hub.store, 'internet')) {
      const entry = await openEntry(this.hub.store, key);
      if (entry) found.push(`internet ${subjectOf(await readBody(entry.body, 1_000_000))}`);
    }
    return found;
  }

  sync(): ReturnType<typeof sync> {
    return sync(this.agent);
  }

  async close(): Promise<void> {
    await this.#end();
  }
}

const subjectOf = (bytes: Buffer): string =>
  /^Subject: (.*)$/m.exec(bytes.toString())?.[1] ?? bytes.toString().slice(0, 80);

export const removeSite = ({ folder }: Site): Promise<void> => rm(folder, { recursive: true, force: true });
