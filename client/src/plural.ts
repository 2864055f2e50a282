/** "1 finding", "2 findings". */
export const plural = (n: number, one: string): string => `${n} ${one}${n === 1 ? '' : 's'}`;
