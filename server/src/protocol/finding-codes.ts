/**
 * The codes of all rules and `malformed-row`, in the order of lists and of columns of codes. scripts/folders.mjs puts
 * them here when a bundle is made or a test runs.
 */
export const FINDING_CODES: readonly string[] = [];
/** One of them. */
export type FindingCode = string;
