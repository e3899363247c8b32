/** A hub as `hub serve` opens it, in this process: real tables, secret and store. The test starts the parts that it wants. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadHubConfig } from '../../hub/config.ts';
import { editDirectory } from '../../hub/edit-directory.ts';
import type { Hub } from '../../hub/hub.ts';
import { openHub } from '../../hub/open-hub.ts';
import type { Edit } from '../../shared/core/directory-edit.ts';

export interface WholeHub {
  readonly hub: Hub;
  /** Removes its folder. */
  close(): Promise<void>;
}

export async function wholeHub({ toml, edits }: { toml: string; edits: readonly Edit[] }): Promise<WholeHub> {
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-hub-'));
  const file = join(folder, 'hub.toml');
  const head = 'hostname = "kabul.example.org"\ndomain = "example.org"\n[store]\npath = "store"\n';
  await writeFile(file, `${head}${toml}`);
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const hub = await openHub(loadHubConfig(file), log);
  for (const edit of edits) await editDirectory(hub, edit);
  return { hub, close: () => rm(folder, { recursive: true, force: true }) };
}
