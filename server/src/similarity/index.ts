export { Sketcher, SKETCH_WORDS, type SketchWord } from './minhash.js';
export { likeness, nearDuplicates, NO_OTHER, type Likeness } from './near.js';
