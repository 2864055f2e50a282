export function complaint(from: string, to: string): string | undefined;
export function foreign(from: string, library: string): string | undefined;
export function unlisted(path: string): string | undefined;
export function target(from: string, specifier: string): string;
