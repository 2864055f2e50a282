import { Uri, window } from 'vscode';

/** The document of the active tab, also of one that is no text editor. */
export function activeTab(): Uri | undefined {
  const input: unknown = window.tabGroups.activeTabGroup.activeTab?.input;
  return (input as { uri?: Uri } | undefined)?.uri;
}

/** The file that a command is about: its argument, the text that is edited, or the active tab. */
export const target = (argument: unknown): Uri | undefined =>
  argument instanceof Uri ? argument : (window.activeTextEditor?.document.uri ?? activeTab());
