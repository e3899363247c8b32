/** An envelope. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect x="3" y="7" width="26" height="18" rx="3" fill="#0b6b60"/><path d="M5 10l11 8 11-8" fill="none" stroke="#fff" stroke-width="2.2" stroke-linejoin="round"/></svg>`;
