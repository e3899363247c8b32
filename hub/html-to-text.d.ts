/** What is used of html-to-text; the package declares no types. */
declare module 'html-to-text' {
  export interface HtmlToTextOptions {
    readonly wordwrap: number | false;
    readonly limits: { readonly maxInputLength: number; readonly maxDepth: number; readonly ellipsis: string };
    readonly selectors: readonly {
      readonly selector: string;
      readonly format?: string;
      readonly options?: Readonly<Record<string, unknown>>;
    }[];
  }
  export function compile(options: HtmlToTextOptions): (html: string) => string;
}
