/** The client's commands, as lenses and actions name them. */
export const CLIENT_COMMANDS = {
  openDetail: 'qrmLens.openDetail',
  copyDistribution: 'qrmLens.copyDistribution',
  ignore: 'qrmLens.ignoreFinding',
} as const;

/** Code actions of `QRM Lens: Clean…`: all changes of a file that could be made at once. */
export const CLEAN_KIND = 'source.qrmLens.clean';
