/**
 * How a world is loaded: the modules at the edge of the programs (locks, sockets, the bucket) are replaced by those of
 * test/sim/stand-ins, and a mutant's text by the mutated one. All else is the product as it stands.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

const at = (path: string): string => new URL(`../../${path}`, import.meta.url).href;

/** The types see to it that each has all that the product takes of the module that it stands in for. */
const STAND_INS = {
  'shared/io/lock.ts': (): Promise<typeof import('../../shared/io/lock.ts')> => import('./stand-ins/lock.ts'),
  'shared/io/writer.ts': (): Promise<typeof import('../../shared/io/writer.ts')> => import('./stand-ins/writer.ts'),
  'shared/io/dial.ts': (): Promise<typeof import('../../shared/io/dial.ts')> => import('./stand-ins/dial.ts'),
  'agent/dial-hub.ts': (): Promise<typeof import('../../agent/dial-hub.ts')> => import('./stand-ins/dial-hub.ts'),
  'hub/hub-times.ts': (): Promise<typeof import('../../hub/hub-times.ts')> => import('./stand-ins/hub-times.ts'),
  'hub/s3-store.ts': (): Promise<typeof import('../../hub/s3-store.ts')> => import('./stand-ins/s3-store.ts'),
};

const standInOf = new Map(
  Object.keys(STAND_INS).map((path) => [
    at(path),
    new URL(`stand-ins/${path.slice(path.lastIndexOf('/') + 1)}`, import.meta.url).href,
  ]),
);

/** A deliberate fault: in one file, this text becomes that one. */
export interface Change {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** To be called before anything of the product is imported. */
export function replaceModules(changes: readonly Change[] = []): void {
  const changed = Map.groupBy(changes, ({ file }) => at(file));
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      const standIn = standInOf.get(resolved.url);
      return standIn === undefined ? resolved : { ...resolved, url: standIn };
    },
    load(url, context, next) {
      const mine = changed.get(url);
      if (!mine) return next(url, context);
      return { format: 'module-typescript', source: mutated(fileURLToPath(url), mine), shortCircuit: true };
    },
  });
}

/** The text of a file after its changes. Throws when the text of one is not there exactly once. */
export function mutated(path: string, changes: readonly Change[]): string {
  return changes.reduce(
    (text, { from, to }) => {
      const parts = text.split(from);
      if (parts.length !== 2) throw new Error(`${path} holds the text of a mutant ${parts.length - 1} times: ${from}`);
      return parts.join(to);
    },
    readFileSync(path, 'utf8'),
  );
}
