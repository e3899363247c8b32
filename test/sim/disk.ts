/**
 * A disk as POSIX promises it and no more: what was written and not synced may be gone after a power cut, or there in part;
 * a name is durable when its folder was synced. A rename is one step, as journals make it: after a cut the old name or
 * the new one is there.
 */
import type { Chance } from './chance.ts';

let inodes = 0;

export class FileNode {
  readonly ino = ++inodes;
  readonly mode: number;
  mtimeMs = 0;
  data: Buffer = Buffer.alloc(0);
  /** As the last sync left it. */
  synced: Buffer | undefined;

  constructor(mode: number) {
    this.mode = mode;
  }
}

interface Move {
  readonly node: Node;
  readonly to: FolderNode;
  readonly name: string;
}

export class FolderNode {
  readonly ino = ++inodes;
  readonly mode: number;
  mtimeMs = 0;
  readonly entries = new Map<string, Node>();
  /** Names that a power cut leaves. */
  durable = new Map<string, Node>();
  /** Since the last sync: the journal makes both ends of a rename durable at once. */
  #movedAway: Move[] = [];

  constructor(mode: number) {
    this.mode = mode;
  }

  moveTo(name: string, to: FolderNode, newName: string): void {
    const node = this.entries.get(name);
    if (!node) return;
    this.entries.delete(name);
    to.entries.set(newName, node);
    if (to !== this) this.#movedAway.push({ node, to, name: newName });
  }

  sync(): void {
    this.durable = new Map(this.entries);
    for (const { node, to, name } of this.#movedAway) if (to.entries.get(name) === node) to.durable.set(name, node);
    this.#movedAway = [];
  }
}

export type Node = FileNode | FolderNode;

export class Disk {
  root = new FolderNode(0o700);
  full = false;

  /** As somebody who copies all files would have it: a backup. */
  copy(): Disk {
    const disk = new Disk();
    disk.root = copyOf(this.root, new Map()) as FolderNode;
    return disk;
  }

  /** The power goes: of what was not synced, any part may be there. */
  cut(chance: Chance): void {
    const kept = new Set<Node>();
    const lost = new Map<Node, { readonly folder: FolderNode; readonly name: string }>();
    settle(this.root, { chance, kept, lost, seen: new Set() });
    // A renamed file has one of its names.
    for (const [node, { folder, name }] of lost)
      if (!kept.has(node) && !removed.has(node) && !folder.entries.has(name)) {
        folder.entries.set(name, node);
        folder.durable.set(name, node);
      }
  }
}

interface Settling {
  readonly chance: Chance;
  readonly kept: Set<Node>;
  /** Durable names that are gone since: the file was removed, or renamed. */
  readonly lost: Map<Node, { readonly folder: FolderNode; readonly name: string }>;
  readonly seen: Set<Node>;
}

function settle(folder: FolderNode, settling: Settling): void {
  const { chance, kept, lost, seen } = settling;
  if (seen.has(folder)) return;
  seen.add(folder);
  const names = new Set([...folder.durable.keys(), ...folder.entries.keys()]);
  const after = new Map<string, Node>();
  for (const name of names) {
    const [before, now] = [folder.durable.get(name), folder.entries.get(name)];
    const node = before === now || chance.one(0.5) ? now : before;
    if (node) after.set(name, node);
    if (before && node !== before) lost.set(before, { folder, name });
  }
  folder.entries.clear();
  for (const [name, node] of after) {
    folder.entries.set(name, node);
    kept.add(node);
    removed.delete(node);
    if (node instanceof FolderNode) settle(node, settling);
    else settleFile(node, chance);
  }
  folder.durable = new Map(after);
}

function settleFile(file: FileNode, chance: Chance): void {
  if (file.synced !== file.data) {
    const before = file.synced ?? Buffer.alloc(0);
    const isGrown = file.data.subarray(0, before.length).equals(before);
    const part = file.data.subarray(0, before.length + chance.below(file.data.length - before.length + 1));
    file.data = isGrown ? part : chance.one(0.5) ? file.data : before;
  }
  file.synced = file.data;
}

const removed = new WeakSet<Node>();

/** Somebody has removed the name, and did not rename it: it need not come back. */
export const unlinked = (node: Node): void => void removed.add(node);

function copyOf(node: Node, copies: Map<Node, Node>): Node {
  const known = copies.get(node);
  if (known) return known;
  if (node instanceof FileNode) {
    const file = new FileNode(node.mode);
    file.mtimeMs = node.mtimeMs;
    file.data = node.data;
    file.synced = node.data;
    copies.set(node, file);
    return file;
  }
  const folder = new FolderNode(node.mode);
  copies.set(node, folder);
  for (const [name, entry] of node.entries) folder.entries.set(name, copyOf(entry, copies));
  folder.durable = new Map(folder.entries);
  return folder;
}
