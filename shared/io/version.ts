/** The program's own version, as the build has put it in; a program that runs from its sources has none. */
declare const FIELDPOST_VERSION: string | undefined;

export const VERSION = typeof FIELDPOST_VERSION === 'string' ? FIELDPOST_VERSION : '';
