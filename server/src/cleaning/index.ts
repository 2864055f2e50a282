export type * from './changes.js';
export {
  cleanFile,
  partName,
  sameFolder,
  whyNotCleaned,
  writingOf,
  type FileToClean,
} from './clean.js';
export { decide, rowsOf, type CleanOptions } from './decide.js';
export { unifiedDiff } from './diff.js';
export {
  COMPARISON_FORMATS,
  renderComparison,
  type ComparisonFormat,
  type ComparisonNames,
} from './leak-report.js';
export { compareData, LEAKS, type ComparedFile, type Comparison, type LeakKind } from './leaks.js';
export { FileBytes } from './apply/file-bytes.js';
export { MANIFEST, undo, type Manifest, type ManifestFile } from './manifest.js';
export { parseSplit, partOfRow, type Part } from './split.js';
export { isLost, textEdits } from './apply/text-edits.js';
export { unscoredAudit } from './unscored.js';
