export { JudgeClient, JudgeRefused, type AnswerCache, type JudgeEndpoint } from './client.js';
export { folderCache } from './cache.js';
export { Judge } from './judge.js';
export { JUDGE_MODES, judgePrompt, type JudgeMode } from './prompt.js';
export { runJudge } from './run.js';
