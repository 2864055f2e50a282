import type { DataCallback, Disposable } from 'vscode-languageserver';
import { IPCMessageReader, IPCMessageWriter } from 'vscode-languageserver/node';

/**
 * The channel of `--node-ipc`, which VS Code's client uses. The library looks into a cancellation while it takes it
 * from the channel, before any strategy is asked; what it throws there (no parameters) would end the process,
 * where the readers of streams tell the connection.
 */
class Reader extends IPCMessageReader {
  override listen(callback: DataCallback): Disposable {
    return super.listen((message) => {
      try {
        callback(message);
      } catch (error) {
        this.fireError(error);
      }
    });
  }
}

/** Of this process, where it was started so. */
export function ipcTransport(): { reader: IPCMessageReader; writer: IPCMessageWriter } | undefined {
  if (!process.argv.includes('--node-ipc')) return undefined;
  return { reader: new Reader(process), writer: new IPCMessageWriter(process) };
}
