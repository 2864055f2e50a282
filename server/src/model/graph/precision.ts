export { PRECISIONS, PROVIDERS, type Precision, type Provider } from '../../protocol/words.js';
