/** mutt opens a Maildir and says what is in it: each mail, as mutt sees its bytes. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { done, run } from './program.ts';

const MARK = '==end of this mail==';

/** `folder`: for mutt's own files. mutt needs a terminal, which `script` gives it. */
export async function readByMutt(maildir: string, folder: string): Promise<readonly string[]> {
  // Without its folder, mutt first asks whether it shall make one.
  await mkdir(join(folder, 'Mail'), { recursive: true });
  const out = join(folder, 'out');
  await writeFile(join(folder, 'muttrc'), muttrc(out));
  const env = { HOME: folder, TERM: 'vt100' };
  done(
    await run('/usr/bin/script', ['-qec', `mutt -n -F ${join(folder, 'muttrc')} -R -f ${maildir}`, '/dev/null'], {
      env,
      isTerminal: true,
    }),
  );
  return (await readFile(out, 'latin1')).split(`\n${MARK}\n`).slice(0, -1);
}

const muttrc = (out: string): string => `
set wait_key=no
set pipe_decode=no
set weed=no
set pipe_sep="\\n${MARK}\\n"
push "<tag-pattern>~A<enter><tag-prefix><pipe-message>cat > ${out}<enter><exit>"
`;
