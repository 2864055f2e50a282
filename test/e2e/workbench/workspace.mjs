// What a suite begins with: an editor on a folder of its own.
import { makeFolder } from '../data.mjs';
import { openWorkbench } from './workbench.mjs';

/**
 * Starts code-server and opens a new folder in it; both are closed when the suite ends.
 * @param options of the host: settings, trust, env
 * @param files of the folder by path
 */
export async function openWorkspace(suite, { browser, host: start }, options, files) {
  const host = await start(options);
  suite.defer(() => host.stop());
  const folder = makeFolder(host.home, 'workspace', files);
  const workbench = await openWorkbench(browser, host, folder);
  suite.workbench = workbench;
  suite.defer(() => workbench.close());
  return { host, folder, workbench, page: workbench.page };
}
