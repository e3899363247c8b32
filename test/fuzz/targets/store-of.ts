import { bytesBody } from '../../../shared/io/body.ts';
import type { Store } from '../../../shared/io/store.ts';

/** A store that holds these values and takes everything. */
export function storeOf(values: ReadonlyMap<string, Uint8Array>): Store {
  const nothing = async (): Promise<void> => undefined;
  return {
    staging: 'apart',
    get: async (key) => {
      const bytes = values.get(key);
      return bytes && bytesBody(bytes);
    },
    list: async (prefix) =>
      [...values]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, bytes]) => ({ key, size: bytes.length, time: 0 })),
    put: nothing,
    remove: nothing,
    stage: nothing,
    publish: nothing,
    strays: async function* () {},
  };
}
