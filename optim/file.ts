/**
 * Snapshots in files, under Node. A file is replaced as a whole, by renaming, so that one that is killed at any moment leaves the old file or the
 * new one. One process at a time writes a file: it holds a lock beside it.
 */
import type * as FileSystem from "node:fs/promises";

/** Loaded when it is needed: bundles for pages never do. */
const files = (): Promise<typeof FileSystem> => import("node:fs/promises");

export class SnapshotFile {
  readonly path: string;
  #writes = 0;
  #locked: Promise<void> | undefined;

  constructor(path: string) {
    this.path = path;
  }

  get #lock(): string {
    return `${this.path}.lock`;
  }

  /** Replaces the file. The first call takes the lock; it throws where another process that is alive has it. */
  async write(bytes: Uint8Array): Promise<void> {
    await (this.#locked ??= this.#takeLock());
    const { open, rename } = await files();
    const draft = `${this.path}.${process.pid}.${++this.#writes}.tmp`;
    const handle = await open(draft, "w");
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, this.path);
  }

  /** What the file holds; undefined where there is none yet. */
  async read(): Promise<Uint8Array | undefined> {
    const { readFile } = await files();
    try {
      return await readFile(this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Lets others write. */
  async close(): Promise<void> {
    const held = this.#locked;
    this.#locked = undefined;
    if (!held) return;
    await held;
    const { rm } = await files();
    await rm(this.#lock, { force: true });
  }

  async #takeLock(): Promise<void> {
    const { readFile, rm, writeFile } = await files();
    for (let attempt = 0; ; attempt++)
      try {
        return await writeFile(this.#lock, String(process.pid), { flag: "wx" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        const holder = Number(await readFile(this.#lock, "utf8").catch(() => ""));
        if (attempt > 0 || isAlive(holder)) {
          this.#locked = undefined;
          throw new Error(`save: ${this.path} is being written by process ${holder}; two trainings cannot share a file`);
        }
        // Its process was killed.
        await rm(this.#lock, { force: true });
      }
  }
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
