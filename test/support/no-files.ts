/** For commands that name no file on their line. */
import type { Call } from '../../shared/io/command-line.ts';

export const NO_FILES: Pick<Call, 'readChunks' | 'writeChunks'> = {
  readChunks: (path) => {
    throw new Error(`${path} is read by a command that should not`);
  },
  writeChunks: async (path) => {
    throw new Error(`${path} is written by a command that should not`);
  },
};
