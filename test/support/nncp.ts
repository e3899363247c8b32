/** Two nodes of NNCP, "office" and "hub", as folders. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { done, run } from './program.ts';

export const nncpProgram = (name: string): string => `/usr/bin/nncp-${name}`;

type Keys = Readonly<Record<string, string>>;
type Settings = Readonly<Record<string, unknown>>;

/** What a node lets its neighbour do, besides what every neighbour may: `exec`, `incoming`, `addrs`. */
export interface NncpOptions {
  readonly folder: string;
  readonly office?: Settings;
  readonly hub?: Settings;
}

export interface NncpNodes {
  readonly hubId: string;
  readonly officeId: string;
  /** Arguments that name a node's configuration. */
  readonly configOf: Readonly<Record<'office' | 'hub', readonly string[]>>;
}

/** `office`, `hub`: what that node says of the other one. */
export async function makeNncp({ folder, office = {}, hub = {} }: NncpOptions): Promise<NncpNodes> {
  const [officeKeys, hubKeys] = [await newKeys(), await newKeys()];
  const configs = {
    office: { self: officeKeys, neigh: { self: known(officeKeys), hub: { ...known(hubKeys), ...office } } },
    hub: { self: hubKeys, neigh: { self: known(hubKeys), office: { ...known(officeKeys), ...hub } } },
  };
  for (const [name, config] of Object.entries(configs)) {
    const spool = join(folder, name);
    await mkdir(spool, { recursive: true });
    await writeFile(`${spool}.json`, JSON.stringify({ spool, log: `${spool}.log`, ...config }));
  }
  const configOf = (name: string): readonly string[] => ['-cfg', join(folder, `${name}.json`), '-quiet'];
  return {
    hubId: hubKeys.id ?? '',
    officeId: officeKeys.id ?? '',
    configOf: { office: configOf('office'), hub: configOf('hub') },
  };
}

async function newKeys(): Promise<Keys> {
  const { out } = done(await run(nncpProgram('cfgnew'), ['-nocomments']));
  const self = /self: \{([^}]*)\}/.exec(out)?.[1] ?? '';
  return Object.fromEntries([...self.matchAll(/(\w+): (\w+)/g)].map(([, name = '', value = '']) => [name, value]));
}

const known = ({ id, exchpub, signpub, noisepub }: Keys): Keys =>
  ({ id, exchpub, signpub, noisepub }) as Record<string, string>;
