/** The directory as it stands in the store, kept current: the log `directory/<n>`, read forward from where it is. */
import type { Directory, Office } from '../shared/core/directory.ts';

export interface LiveDirectory {
  readonly current: Directory;
  office(name: string): Office | undefined;
  officeOfKey(keyId: string): Office | undefined;
  /** Reads what has been added since, by this hub or another: one small GET when there is nothing. */
  refresh(): Promise<void>;
}
