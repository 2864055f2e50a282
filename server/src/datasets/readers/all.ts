import type { Container } from '../formats.js';
import type { FormatReader } from './reader.js';

/** Who reads each format. scripts/folders.mjs puts them here when a bundle is made or a test runs. */
export const READERS: Readonly<Partial<Record<Container, FormatReader>>> = {};
