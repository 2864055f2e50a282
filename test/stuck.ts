/**
 * A record that keeps its reader at work for seconds without progress: a list of 15 million empty lists (45 MB), which
 * take many times the bytes that they are written with. A damaged file does not serve: its fault is named as soon as
 * it is known.
 */
export const stuckRecord = (): string => `{"prompt":"q","x":[${'[],'.repeat(15_000_000)}[]]}`;
