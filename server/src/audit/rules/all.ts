// Made by `npm run generate` from the files of this folder.
import { ambiguousPair } from './ambiguous-pair.js';
import { contradictoryPair } from './contradictory-pair.js';
import { contraryLabel } from './contrary-label.js';
import { duplicateResponse } from './duplicate-response.js';
import { invertedPair } from './inverted-pair.js';
import { lowLeftTail } from './low-left-tail.js';
import { multimodal } from './multimodal.js';
import { nearDuplicate } from './near-duplicate.js';
import { preferenceCycle } from './preference-cycle.js';
import type { Rule } from './rule.js';
import { truncated } from './truncated.js';
import { unscored } from './unscored.js';
import { wideDistribution } from './wide-distribution.js';

export const RULES: readonly Rule[] = [
  lowLeftTail,
  invertedPair,
  ambiguousPair,
  wideDistribution,
  multimodal,
  truncated,
  duplicateResponse,
  unscored,
  contraryLabel,
  contradictoryPair,
  preferenceCycle,
  nearDuplicate,
];
