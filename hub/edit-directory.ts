/** How commands edit the directory: an edit that is refused ends the command with the sentence. */
import type { Directory } from '../shared/core/directory.ts';
import type { Edit } from '../shared/core/directory-edit.ts';
import { EditError } from '../shared/core/directory-words.ts';
import { EXIT, Exit } from '../shared/io/command-line.ts';
import type { Hub } from './hub.ts';

export async function editDirectory(hub: Hub, edit: Edit): Promise<Directory> {
  try {
    return await hub.directory.edit(edit);
  } catch (error) {
    if (error instanceof EditError) throw new Exit(EXIT.data, error.message);
    throw error;
  }
}
