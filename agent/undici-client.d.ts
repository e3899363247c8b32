/** undici's Client alone; the package declares no types for this file of it. */
declare module 'undici/lib/dispatcher/client.js' {
  import { Client } from 'undici';
  // biome-ignore lint/style/noDefaultExport: what the package exports
  export default Client;
}
