/** undici's Client and its `request` alone; the package declares no types for these files of it. */
declare module 'undici/lib/dispatcher/client.js' {
  import { Client } from 'undici';
  // biome-ignore lint/style/noDefaultExport: what the package exports
  export default Client;
}

declare module 'undici/lib/api/api-request.js' {
  import type { Client, Dispatcher } from 'undici';

  function request(this: Client, options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>;
  // biome-ignore lint/style/noDefaultExport: what the package exports
  export default request;
}
