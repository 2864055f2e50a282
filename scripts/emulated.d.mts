export function buildEmulated(library: string, work: string, flags?: readonly string[]): void;
