export const DOZEN: number;
export const CROWDED: Readonly<Record<string, string>>;
