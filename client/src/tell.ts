import { window } from 'vscode';
import { messageOf, unawaited } from '../../server/src/errors.js';

// A message that cannot be shown has no other place to go than the log of the extension host.
const unseen = (error: unknown): void => console.error(`QRM Lens: ${messageOf(error)}`);

/** Tells the user, and does not wait until the message is closed. */
export const inform = (text: string): void =>
  unawaited(window.showInformationMessage(`QRM Lens: ${text}`), unseen);

/** As `inform`, of what went wrong. */
export const complain = (error: unknown): void =>
  unawaited(window.showErrorMessage(`QRM Lens: ${messageOf(error)}`), unseen);
